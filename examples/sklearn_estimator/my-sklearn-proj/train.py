"""Train a ridge regression on the diabetes data. Knows nothing of where it runs; written as for SDK v1."""

import argparse
import os

import joblib
from numpy import loadtxt
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--data-folder", required=True, help="folder that holds diabetes/features.csv and target.csv")
parser.add_argument("--regularization", type=float, default=0.5, help="strength of the ridge penalty")
arguments = parser.parse_args()

run = Run.get_context()
data = os.path.join(arguments.data_folder, "diabetes")
X = loadtxt(os.path.join(data, "features.csv"), delimiter=",")
y = loadtxt(os.path.join(data, "target.csv"))
print(f"{len(X)} patients with {X.shape[1]} measurements each, from {data}")

X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
model = Ridge(alpha=arguments.regularization).fit(X_train, y_train)
mse = mean_squared_error(y_test, model.predict(X_test))
print(f"alpha {arguments.regularization}: mean squared error {mse:.1f}")

run.log("alpha", arguments.regularization)
run.log("mse", mse)

os.makedirs("outputs", exist_ok=True)
joblib.dump(model, os.path.join("outputs", "my_output_file"))
with open(os.path.join("logs", "coefficients.txt"), "w") as file:
    file.writelines(f"{weight:.2f}\n" for weight in model.coef_)
