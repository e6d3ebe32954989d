"""Train a support vector machine on iris flowers, on more and more of the data."""

import argparse

from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC
from sklearn.utils import shuffle

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--kernel", default="rbf")
parser.add_argument("--penalty", type=float, default=1.0)
args = parser.parse_args()

run = Run.get_context()
X, y = shuffle(*load_iris(return_X_y=True), random_state=0)
for count in (50, 100, 150):
    accuracy = cross_val_score(SVC(kernel=args.kernel, C=args.penalty), X[:count], y[:count], cv=5).mean()
    run.log("accuracy", accuracy)
    print(f"{count} flowers: accuracy {accuracy:.3f}")
