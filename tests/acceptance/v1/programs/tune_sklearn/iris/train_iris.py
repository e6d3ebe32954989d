import argparse
import os

import joblib
import numpy as np
from sklearn import datasets
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from azureml.core.run import Run

run = Run.get_context()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernel", type=str, default="linear", help="Kernel type to be used in the algorithm")
    parser.add_argument("--penalty", type=float, default=1.0, help="Penalty parameter of the error term")
    parser.add_argument("--resume-from", type=str, default=None, help="location of the model from which to resume")
    args = parser.parse_args()
    run.log("Kernel type", str(args.kernel))
    run.log("Penalty", float(args.penalty))
    if args.resume_from:
        earlier = joblib.load(os.path.join(args.resume_from, "model.joblib"))
        print("resumed:", earlier.kernel == args.kernel and earlier.C == args.penalty)

    iris = datasets.load_iris()
    x_train, x_test, y_train, y_test = train_test_split(iris.data, iris.target, random_state=0)
    for rows in (30, 60, len(x_train)):
        model = SVC(kernel=args.kernel, C=args.penalty, gamma="auto").fit(x_train[:rows], y_train[:rows])
        accuracy = accuracy_score(y_test, model.predict(x_test))
        print(f"Accuracy of SVM classifier on test set: {accuracy:.2f}")
        run.log("Accuracy", float(np.round(accuracy, 4)))
    os.makedirs("outputs", exist_ok=True)
    joblib.dump(model, "outputs/model.joblib")


if __name__ == "__main__":
    main()
