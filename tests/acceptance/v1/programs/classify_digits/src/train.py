import argparse
import os

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--data-folder", type=str, dest="data_folder", help="data folder mounting point")
parser.add_argument("--regularization", type=float, dest="reg", default=0.01, help="regularization rate")
args = parser.parse_args()

X_train, y_train = (np.load(os.path.join(args.data_folder, name)) for name in ("X_train.npy", "y_train.npy"))
X_test, y_test = (np.load(os.path.join(args.data_folder, name)) for name in ("X_test.npy", "y_test.npy"))

run = Run.get_context()
clf = LogisticRegression(C=1.0 / args.reg, max_iter=1000, random_state=42)
clf.fit(X_train, y_train)
y_hat = clf.predict(X_test)
accuracy = np.average(y_hat == y_test)
run.log("regularization rate", float(args.reg))
run.log("accuracy", float(accuracy))

os.makedirs("outputs", exist_ok=True)
joblib.dump(value=clf, filename="outputs/sklearn_digits_model.pkl")
