import os
import sys

from azureml.core import Run

run = Run.get_context(allow_offline=False)
run.log("arguments", " ".join(sys.argv[1:]))
if "TEAM" in os.environ:
    run.log("team", os.environ["TEAM"])
