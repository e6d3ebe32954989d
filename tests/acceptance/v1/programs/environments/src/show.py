import importlib.metadata
import os

import tomli

from azureml.core import Run

assert tomli.loads("a = 1") == {"a": 1}
run = Run.get_context()
run.log("tomli", importlib.metadata.version("tomli"))
if "GREETING" in os.environ:
    run.log("greeting", os.environ["GREETING"])
