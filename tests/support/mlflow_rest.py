"""How a script in a job calls MLflow's REST API, as its clients do it, without installing them."""

REST = """
import json, os, urllib.request
def mlflow(route, **fields):
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/" + route,
        json.dumps({"run_id": os.environ["MLFLOW_RUN_ID"], **fields}).encode(),
        {"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]})
    return json.load(urllib.request.urlopen(request, timeout=30))
"""
