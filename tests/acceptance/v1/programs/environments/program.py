"""Environments: from YAML, from requirements, by hand; registered, versioned and used.

In the manner of v1's "using environments" tutorial; written from scratch.
"""

import os
import sys
import zipfile

from azureml.core import ContainerRegistry, Environment, Experiment, RunConfiguration, ScriptRunConfig, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.runconfig import DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE, DockerConfiguration, EnvironmentDefinition
from azureml.exceptions import AzureMLException, UserErrorException
from azureml.train.estimator import Estimator

ws = Workspace.from_config()
experiment = Experiment(ws, "environments")

# From a conda specification: the run gets the package that it names.
env = Environment.from_conda_specification(name="from-yaml", file_path="environment.yml")
assert "tomli==2.0.1" in list(env.python.conda_dependencies.pip_packages)
env.environment_variables["GREETING"] = "hello"
src = ScriptRunConfig("./src", "show.py", compute_target="local", environment=env)
run = experiment.submit(src)
run.wait_for_completion(show_output=True)
assert run.get_metrics() == {"tomli": "2.0.1", "greeting": "hello"}
assert run.get_environment().name == "from-yaml"

# The same YAML for an estimator.
est = Estimator("./src", compute_target="local", entry_script="show.py", conda_dependencies_file="../environment.yml")
second = experiment.submit(est)
second.wait_for_completion()
assert second.get_metrics()["tomli"] == "2.0.1"

# Registered: every change is a version.
registered = env.register(workspace=ws)
first_version = registered.version
env.python.conda_dependencies.add_pip_package("packaging")
assert env.register(ws).version != first_version
assert "packaging" in list(Environment.get(ws, "from-yaml").python.conda_dependencies.pip_packages)
old = Environment.get(workspace=ws, name="from-yaml", version=first_version)
assert "packaging" not in list(old.python.conda_dependencies.pip_packages)
Environment.label(ws, "from-yaml", first_version, ["stable"])
assert Environment.get(ws, "from-yaml", label="stable").version == first_version
assert "from-yaml" in Environment.list(workspace=ws)
assert "from-yaml" in ws.environments
copied = old.clone("a-copy")
assert (copied.name, old.name) == ("a-copy", "from-yaml")
for name in ("no-such-environment", "AzureML-Designer"):
    try:
        Environment.get(ws, name)
    except UserErrorException as error:
        print("As expected:", error.message)
    else:
        raise AssertionError(f"{name} was found")

# The curated environments of v1: by name, listed, copied to add a package.
curated = Environment.get(workspace=ws, name="AzureML-Minimal")
assert curated.clone("mine").name == "mine"
for name in [each for each in Environment.list(workspace=ws) if each.startswith("AzureML")]:
    print(name, ws.environments[name].python.conda_dependencies.serialize_to_string())
assert "torch" in ws.environments["AzureML-PyTorch-1.6-CPU"].python.conda_dependencies.serialize_to_string()

# Built before a run needs them.
build = env.build(workspace=ws)
build.wait_for_completion(show_output=True)
assert build.status == "Succeeded"
env.build_local(ws)

# Kept in a folder.
env.save_to_directory(path="kept-environment", overwrite=True)
loaded = Environment.load_from_directory("kept-environment")
assert loaded.name == "from-yaml"
assert loaded.environment_variables["GREETING"] == "hello"
assert "packaging" in list(loaded.python.conda_dependencies.pip_packages)
try:
    Environment.load_from_directory("no-such-folder")
except FileNotFoundError as error:
    print("As expected:", error)
else:
    raise AssertionError("a folder that is not there was loaded")

# From pip's requirements, from a Dockerfile, from an image.
assert "tomli==2.0.1" in list(
    Environment.from_pip_requirements("from-pip", "requirements.txt").python.conda_dependencies.pip_packages
)
assert Environment.from_docker_image("image", "python:3.11").docker.base_image == "python:3.11"
by_file = Environment.from_dockerfile("dockerfile", "FROM python:3.11\n", pip_requirements="requirements.txt")
assert "FROM python:3.11" in by_file.docker.base_dockerfile
assert by_file.docker.base_image is None
for call in (
    lambda: Environment.from_docker_build_context("context", None),
    lambda: env.get_image_details(ws),
):
    # Where there is no container engine there is a sentence.
    try:
        call()
    except AzureMLException as error:
        print("Not here:", error)
assert Environment.from_existing_conda_environment("none", "no-such-conda-environment") is None

# Conda dependencies by hand.
conda = CondaDependencies.create(conda_packages=["scikit-learn"], pip_packages=["joblib==1.4.2"], python_version="3.11")
conda.add_channel("bioconda")
conda.add_conda_package("scikit-learn=1.5")
conda.add_pip_package("requests")
conda.set_pip_index_url("https://pypi.org/simple")
conda.set_pip_option("--pre")
assert "scikit-learn=1.5" in list(conda.conda_packages)
assert "scikit-learn" not in list(conda.conda_packages)
assert {"joblib==1.4.2", "requests"} <= set(conda.pip_packages)
assert "bioconda" in list(conda.conda_channels)
assert any("--pre" in option for option in conda.pip_options)
assert conda.get_python_version() == "3.11"
conda.set_python_version("3.12")
assert conda.get_python_version() == "3.12"
conda.remove_channel("bioconda")
conda.remove_conda_package("scikit-learn")
conda.remove_pip_package("requests")
conda.remove_pip_option("--pre")
conda.set_pip_requirements(["tomli==2.0.1", "idna>=3"])
assert "idna>=3" in list(conda.pip_packages)
conda.add_tensorflow_pip_package(core_type="cpu", version="2.16.1")
assert any(package.startswith("tensorflow") for package in conda.pip_packages)
conda.add_tensorflow_conda_package()
assert any(package.startswith("tensorflow") for package in conda.conda_packages)
conda.add_cntk_package()
assert conda.get_default_number_of_packages() >= 0
assert CondaDependencies.merge_requirements(["numpy", "numpy>=1.20"])
assert CondaDependencies.sdk_origin_url().startswith("http")
assert "name: project_environment" in conda.serialize_to_string()
assert conda.as_dict()["name"] == "project_environment"
os.makedirs("written")
written = conda.save_to_file("written", "conda.yml")
assert os.path.isfile(os.path.join("written", os.path.basename(written)))
conda.save(path="written/again.yml")
assert list(CondaDependencies("written/again.yml").pip_packages) == list(conda.pip_packages)

# The nested objects of an environment can be read and changed; older names of theirs are still there.
made = EnvironmentDefinition("by-hand")
assert isinstance(made, Environment)
assert made.docker.base_image == DEFAULT_CPU_IMAGE != DEFAULT_GPU_IMAGE
assert made.docker.shm_size == "2g"
made.docker.base_image = "example.org/image:1"
registry = ContainerRegistry()
registry.address, registry.username, registry.password = "example.org", "me", "secret"
made.docker.base_image_registry = registry
assert "secret" not in repr(registry)
made.python.user_managed_dependencies = True
made.python.interpreter_path = sys.executable
config = RunConfiguration()
config.environment = made
config.docker = DockerConfiguration(use_docker=False, shm_size="1g")
third = experiment.submit(ScriptRunConfig("./src", "greet.py", run_config=config))
third.wait_for_completion()
assert third.get_metrics() == {"example": "EXAMPLE_VALUE"}

# A wheel of one's own.
wheel = "tiny-1.0-py3-none-any.whl"
with zipfile.ZipFile(wheel, "w") as archive:
    archive.writestr("tiny.py", "")
    archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    archive.writestr("tiny-1.0.dist-info/RECORD", "")
url = Environment.add_private_pip_wheel(ws, wheel)
assert url.endswith(wheel)
try:
    Environment.add_private_pip_wheel(ws, wheel)
except UserErrorException as error:
    print("As expected:", error.message)
else:
    raise AssertionError("a wheel was replaced")
assert Environment.add_private_pip_wheel(ws, wheel, exist_ok=True) == url

print("environments: all cells ran")
