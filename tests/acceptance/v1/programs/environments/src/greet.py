import os

from azureml.core import Run

Run.get_context().log("example", os.environ["EXAMPLE_ENV_VAR"])
