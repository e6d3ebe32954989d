import os

import joblib
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

os.makedirs("outputs", exist_ok=True)
joblib.dump(Ridge(alpha=0.5).fit(*load_diabetes(return_X_y=True)), "outputs/ridge.pkl")
