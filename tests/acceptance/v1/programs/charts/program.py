"""Images, confusion matrices and the other charts of a run.

In the manner of v1's "logging API" tutorial; written from scratch.
"""

import json

import matplotlib.pyplot as plt

from azureml.core import Experiment, Workspace
from azureml.exceptions import AzureMLException

ws = Workspace.from_config()
experiment = Experiment(ws, "charts")

CONFUSION_MATRIX = {
    "schema_type": "confusion_matrix",
    "schema_version": "1.0.0",
    "data": {"class_labels": ["cat", "dog"], "matrix": [[9, 1], [2, 8]]},
}
ACCURACY_TABLE = {
    "schema_type": "accuracy_table",
    "schema_version": "1.0.1",
    "data": {
        "probability_tables": [[[9, 10, 0, 1], [2, 1, 9, 8]]],
        "percentile_tables": [[[9, 10, 0, 1], [2, 1, 9, 8]]],
        "probability_thresholds": [0.0, 1.0],
        "percentile_thresholds": [0.0, 1.0],
        "class_labels": ["cat"],
    },
}
RESIDUALS = {
    "schema_type": "residuals",
    "schema_version": "1.0.0",
    "data": {"bin_edges": [0.0, 0.5, 1.0], "bin_counts": [3, 4]},
}
PREDICTIONS = {
    "schema_type": "predictions",
    "schema_version": "1.0.0",
    "data": {"bin_averages": [0.2, 0.7], "bin_errors": [0.1, 0.1], "bin_counts": [3, 4], "bin_edges": [0.0, 0.5, 1.0]},
}

with experiment.start_logging(snapshot_directory=None) as run:
    # A figure, and a file that has one.
    plt.plot([0, 1, 2], [0, 1, 4])
    run.log_image(name="parabola", plot=plt, description="as it grows")
    plt.savefig("parabola.png")
    run.log_image("from a file", path="parabola.png")
    for wrong in ({}, {"path": "parabola.png", "plot": plt}):
        try:
            run.log_image("neither or both", **wrong)
        except AzureMLException as error:
            print("As expected:", error.message)
        else:
            raise AssertionError("a chart was logged from nothing, or from two things")

    run.log_confusion_matrix(name="confusion", value=CONFUSION_MATRIX, description="of cats and dogs")
    run.log_confusion_matrix("confusion as text", json.dumps(CONFUSION_MATRIX))
    run.log_accuracy_table(name="accuracy", value=ACCURACY_TABLE)
    run.log_residuals(name="residuals", value=RESIDUALS)
    run.log_predictions(name="predictions", value=PREDICTIONS)

metrics = run.get_metrics()
names = {"parabola", "from a file", "confusion", "confusion as text", "accuracy", "residuals", "predictions"}
assert names <= set(metrics)
for name in names:
    assert metrics[name].startswith("aml://artifactId/"), (name, metrics[name])

populated = run.get_metrics(populate=True)
assert populated["confusion"] == populated["confusion as text"] == CONFUSION_MATRIX
assert populated["accuracy"] == ACCURACY_TABLE
assert populated["residuals"] == RESIDUALS
assert populated["predictions"] == PREDICTIONS

images = [name for name in run.get_file_names() if name.endswith(".png")]
assert len(images) == 2
run.download_file(images[0], "copy.png")
with open("copy.png", "rb") as file:
    assert file.read(8) == b"\x89PNG\r\n\x1a\n"

print("charts: all cells ran")
