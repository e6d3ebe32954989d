import argparse
import os

import joblib
import mylib
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

from azureml.core.run import Run

parser = argparse.ArgumentParser()
parser.add_argument("--alphas", nargs="+", required=True)
args = parser.parse_args()
run = Run.get_context()
os.makedirs("./outputs", exist_ok=True)

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)

best = None
for alpha in mylib.get_alphas(args.alphas):
    model = Ridge(alpha=alpha).fit(X_train, y_train)
    mse = mean_squared_error(y_test, model.predict(X_test))
    run.log("alpha", alpha)
    run.log("mse", mse)
    with open(os.path.join("outputs", f"ridge_{alpha:.2f}.pkl"), "wb") as file:
        joblib.dump(model, file)
    with open(os.path.join("logs", "progress.txt"), "a") as file:
        file.write(f"{alpha}\n")
    print(f"alpha is {alpha:.2f}, and mse is {mse:0.2f}")
    best = min(best or (mse, alpha), (mse, alpha))
run.log("best_alpha", best[1])
