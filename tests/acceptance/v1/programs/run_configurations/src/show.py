import os
import sys

from azureml.core import Run

run = Run.get_context()
run.log("arguments", " ".join(sys.argv[1:]))
run.log("greeting", os.environ.get("GREETING", ""))
run.log("example", os.environ["EXAMPLE_ENV_VAR"])
