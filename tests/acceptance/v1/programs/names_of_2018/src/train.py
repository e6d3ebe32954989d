import numpy as np
from sklearn.externals import joblib

from azureml.core.run import Run

run = Run.get_submitted_run()
joblib.dump(np.zeros(3, dtype=np.float), "outputs/weights.pkl")
run.log("zeros", len(joblib.load("outputs/weights.pkl")))
