"""Packages as programs for v1 listed them, environments that v1 had ready, and a notebook as the script.

In the manner of repositories for v1 by many authors; written from scratch.
"""

import functools
import http.server
import sys
import threading

from azureml.core import Dataset, Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.runconfig import CondaDependencies, RunConfiguration
from azureml.train.estimator import Estimator

ws = Workspace.from_config()
experiment = Experiment(ws, "packages")

# Data from the web, by its address.
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="published")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}/rain.csv"
rain = Dataset.Tabular.from_delimited_files(path=address).register(ws, "rain", create_new_version=True)

# The packages of v1 bring what they brought: the script reads its table with pandas, and never lists it.
run = experiment.submit(
    Estimator(
        source_directory="./src",
        entry_script="table.py",
        compute_target="local",
        inputs=[rain.as_named_input("rain")],
        pip_packages=["azureml-defaults", "azureml-dataprep[pandas]"],
    )
)
run.wait_for_completion(show_output=True)
assert run.get_metrics() == {"mm": 7}
server.shutdown()

# What was pinned with its hashes stays so.
pinned = Environment.from_pip_requirements(name="pinned", file_path="./requirements.txt")
image = pinned.build(workspace=ws)
image.wait_for_completion(show_output=True)
run = experiment.submit(ScriptRunConfig("./src", script="versions.py", environment=pinned, compute_target="local"))
run.wait_for_completion()
assert run.get_metrics() == {"six": "1.16.0"}

# An environment that v1 had ready, as it is and as a beginning.
ready = Environment.get(workspace=ws, name="AzureML-Minimal")
assert ws.environments["AzureML-Minimal"].name == ready.name
assert any(name.startswith("AzureML-Tutorial") for name in Environment.list(ws))
own = ready.clone("own")
own.python.conda_dependencies.add_pip_package("six==1.16.0")
run_config = RunConfiguration()
run_config.environment = own
assert isinstance(own.python.conda_dependencies, CondaDependencies)
run = experiment.submit(ScriptRunConfig("./src", script="versions.py", run_config=run_config))
run.wait_for_completion()
assert run.get_metrics() == {"six": "1.16.0"}

# The notebook in which the model was tried is the script.
notebook = Estimator(source_directory="./src", entry_script="trial.ipynb", compute_target="local", user_managed=True)
notebook.run_config.environment.python.interpreter_path = sys.executable
run = experiment.submit(notebook)
run.wait_for_completion()
assert run.get_metrics() == {"tried": 2}
assert any(name.endswith(".ipynb") for name in run.get_file_names())
print("packages_of_v1: all cells ran")
