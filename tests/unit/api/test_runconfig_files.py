from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainshed import (
    CondaDependencies,
    DataReferenceConfiguration,
    Dataset,
    Datastore,
    DockerConfiguration,
    MpiConfiguration,
    OutputFileDatasetConfig,
    RunConfiguration,
)
from trainshed.errors import UserErrorException
from trainshed.spec.run import OutputSpec

STORE = Datastore(None, _record={"name": "store", "path": "/store", "default": True})  # type: ignore[arg-type]
OF_2018 = """
script: train.py
arguments:
- --alpha
- 0.5
target: cpucluster
framework: PythonMPI
communicator: None
autoPrepareEnvironment: true
maxRunDurationSeconds:
nodeCount: 2
environment:
  environmentVariables:
    EXAMPLE_ENV_VAR: EXAMPLE_VALUE
  python:
    userManagedDependencies: false
    interpreterPath: python
    condaDependenciesFile: aml_config/conda_dependencies.yml
  docker:
    enabled: true
    baseImage: mcr.microsoft.com/azureml/base:0.1.3
    sharedVolumes: true
    gpuSupport: false
    arguments: []
    baseImageRegistry:
      address:
      username:
      password:
  spark:
    repositories: []
    packages:
    - group: com.microsoft.ml.spark
      artifact: mmlspark_2.11
      version: '0.12'
    precachePackages: true
history:
  outputCollection: true
spark:
  configuration:
    spark.app.name: Azure ML Experiment
hdi:
  yarnDeployMode: cluster
tensorflow:
  workerCount: 1
  parameterServerCount: 1
mpi:
  processCountPerNode: 1
dataReferences:
  images:
    dataStoreName: workspaceblobstore
    mode: Mount
    pathOnDataStore: img
    pathOnCompute: /data
    overwrite: false
sourceDirectoryDataStore:
amlcompute:
  vmSize: STANDARD_D2
  clusterMaxNodeCount: 1
"""

LATE = """
script: train.py
arguments:
- --data
- DatasetConsumptionConfig:weather
target: local
identity:
environment:
  name: project
  version: '3'
  assetId:
  docker:
    platform:
      os: Linux
      architecture: amd64
  databricks:
    mavenLibraries: []
data:
  weather:
    dataLocation:
      dataset:
        id:
        name: weather
        version: '2'
      dataPath:
        datastoreName:
        relativePath:
      uri:
      type:
    createOutputDirectories: false
    mechanism: Mount
    environmentVariableName: weather
    pathOnCompute: /data
    overwrite: false
    options:
outputData:
  cleaned:
    outputLocation:
      dataset:
      dataPath:
        datastoreName: store
        relativePath: cleaned/{run-id}
      uri:
    mechanism: upload
    additionalOptions:
      pathOnCompute: made
      registrationOptions:
        name: cleaned-weather
        tags: {year: '2026'}
        datasetRegistrationOptions:
          additionalTransformation:
      uploadOptions:
        overwrite: true
        sourceGlobs:
          globPatterns:
    environmentVariableName: cleaned
amlcompute:
  vmSize: STANDARD_D2_V2
  clusterMaxNodeCount: 4
containerInstance:
  region:
  cpuCores: 2
  memoryGb: 3.5
services: {}
"""


def write(root: Path, text: str, place: str = ".azureml/local.runconfig") -> Path:
    path = root / place
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def full() -> RunConfiguration:
    deps = CondaDependencies.create(conda_packages=["scipy"], pip_packages=["numpy<3"], python_version="3.11")
    config = RunConfiguration("a.py", ["--x", 1, 0.5, True], "PyTorch", "Nccl", deps, command=None)
    config.target, config.node_count, config.max_run_duration_seconds = "gpu", 3, 60
    config.environment_variables = {"KEPT_asIs": "1"}
    config.environment.environment_variables["IN_ENV"] = "2"
    config.environment.docker.base_image = "img"
    config.docker = DockerConfiguration(True, arguments=["--ipc=host"], shm_size="8g")
    config.mpi = MpiConfiguration(4, 3)
    config.pytorch.process_count = 6
    config.data_references["camelCase_name"] = DataReferenceConfiguration("store", "upload", "a/b", "c", True)
    return config


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    config = full()
    config.save(tmp_path, "mine")
    assert sorted(path.name for path in (tmp_path / ".azureml").iterdir()) == [
        "conda_dependencies.yml",
        "mine.runconfig",
    ]
    again = RunConfiguration.load(tmp_path, "mine")
    assert repr(again) == repr(config)
    assert (
        again.environment.python.conda_dependencies.as_dict() == config.environment.python.conda_dependencies.as_dict()
    )
    # A name with its ending, the file itself, and the configuration's own name and folder will do as well.
    for same in (
        RunConfiguration.load(tmp_path, "mine.runconfig"),
        RunConfiguration.load(tmp_path / ".azureml/mine.runconfig"),
    ):
        assert repr(same) == repr(config)
    again.script = "b.py"
    again.save()
    assert RunConfiguration.load(tmp_path, "mine").script == "b.py"


def test_the_folder_of_2018_is_used_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "aml_config").mkdir()
    RunConfiguration("a.py").save(str(tmp_path), "old")
    assert (tmp_path / "aml_config" / "old.runconfig").is_file()
    assert (tmp_path / "aml_config" / "conda_dependencies.yml").is_file()
    assert RunConfiguration.load(str(tmp_path), "old").script == "a.py"


def test_a_file_of_2018_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, OF_2018, "aml_config/cluster.runconfig")
    write(tmp_path, "dependencies: [numpy, {pip: [scipy]}]", "aml_config/conda_dependencies.yml")
    with caplog.at_level(logging.WARNING):
        config = RunConfiguration.load(tmp_path, "cluster")
    assert caplog.text == ""
    assert (config.arguments, config.target, config.node_count) == (["--alpha", 0.5], "cpucluster", 2)
    assert config.environment.docker.enabled
    assert config.environment.spark.packages[0]["artifact"] == "mmlspark_2.11"
    assert list(config.environment.python.conda_dependencies.pip_packages) == ["scipy"]
    assert config.data_references["images"] == DataReferenceConfiguration("workspaceblobstore", "mount", "img", "/data")
    assert config.spark.configuration == {"spark.app.name": "Azure ML Experiment"}


def test_a_late_file_is_read_and_written_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, LATE)
    with caplog.at_level(logging.WARNING):
        config = RunConfiguration.load(tmp_path, "local")
    assert caplog.text == ""
    assert config.data["weather"].data_location["dataset"]["name"] == "weather"
    output = OutputSpec(
        "cleaned", "store", "cleaned/{run-id}", "upload", "made", True, "cleaned-weather", {"year": "2026"}
    )
    assert config.output_data["cleaned"]._spec("cleaned") == output
    assert (config.amlcompute._cluster_max_node_count, config.container_instance.memory_gb) == (4, 3.5)
    config.save(tmp_path, "second")
    again = RunConfiguration.load(tmp_path, "second")
    assert again.output_data["cleaned"]._spec("cleaned") == output
    again.save(tmp_path, "third")
    second, third = ((tmp_path / ".azureml" / f"{name}.runconfig").read_text() for name in ("second", "third"))
    assert second == third
    told = yaml.safe_load(second)
    for section in ("data", "containerInstance", "arguments", "target"):
        assert told[section] == yaml.safe_load(LATE)[section]
    assert told["amlcompute"]["clusterMaxNodeCount"] == 4


def test_datasets_and_outputs_among_the_arguments_are_saved_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    weather = Dataset.File.from_files(str(tmp_path / "a.csv")).as_named_input("weather").as_download("here")
    cleaned = OutputFileDatasetConfig("cleaned", destination=(STORE, "cleaned")).as_upload()
    RunConfiguration("a.py", ["--from", weather, "--to", cleaned]).save(tmp_path, "x")
    config = RunConfiguration.load(tmp_path, "x")
    assert config.arguments == ["--from", "DatasetConsumptionConfig:weather", "--to", "DatasetOutputConfig:cleaned"]
    found = config.data["weather"]._with_dataset(None)
    assert found._spec("weather") == weather._spec("weather")
    assert config.output_data["cleaned"]._spec("cleaned") == cleaned._spec("cleaned")


def test_an_input_without_a_dataset_is_told_with_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, "data: {weather: {mechanism: mount}}")
    found = RunConfiguration.load(path).data["weather"]
    with pytest.raises(UserErrorException, match=r"local.runconfig: data.weather: dataLocation must have a dataset"):
        found._with_dataset(None)


def test_keys_that_moved_are_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "prepareEnvironment: false\nbatchai: {nodeCount: 4}\ncontainerInstance: {region: west}\nodd: 1\n")
    with caplog.at_level(logging.WARNING):
        config = RunConfiguration.load(tmp_path, "local")
    assert (config.auto_prepare_environment, config.node_count, config.container_instance.region) == (False, 4, "west")
    assert "no setting 'odd'" in caplog.text
    config.batchai.node_count = 5
    assert config.node_count == 5


def test_packages_written_inline_and_in_a_file_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, "environment: {python: {condaDependencies: {dependencies: [numpy]}}}")
    assert list(RunConfiguration.load(tmp_path, "local").environment.python.conda_dependencies.conda_packages) == [
        "numpy"
    ]
    config = full()
    config.save(tmp_path, "apart", separate_environment_yaml=True)
    assert "environment: environment.yml" in (tmp_path / ".azureml" / "apart.runconfig").read_text()
    assert repr(RunConfiguration.load(tmp_path, "apart")) == repr(config)


def test_two_configurations_of_one_folder_keep_their_own_packages(tmp_path: Path) -> None:
    one, two = RunConfiguration("1.py"), RunConfiguration("2.py")
    one.environment.python.conda_dependencies.add_pip_package("one")
    two.environment.python.conda_dependencies.add_pip_package("two")
    one.save(tmp_path, "one")
    two.save(tmp_path, "two")
    two.environment.python.conda_dependencies.add_pip_package("more")
    two.save(tmp_path, "two")
    for name, packages in (("one", ["one"]), ("two", ["two", "more"])):
        deps = RunConfiguration.load(tmp_path, name).environment.python.conda_dependencies
        assert list(deps.pip_packages) == ["azureml-defaults", *packages]


def test_what_was_loaded_and_changed_counts_at_the_next_submit(tmp_path: Path) -> None:
    full().save(tmp_path, "x")
    config = RunConfiguration.load(tmp_path, "x")
    config.environment.python.conda_dependencies.add_pip_package("torch")
    assert config.environment.python.conda_dependencies_file is None


def test_a_reference_among_the_arguments_is_saved_as_one(tmp_path: Path) -> None:
    RunConfiguration("a.py", ["--d", STORE.path("x", "ref"), Path("p")]).save(tmp_path, "x")
    config = RunConfiguration.load(tmp_path, "x")
    assert config.arguments == ["--d", "$AZUREML_DATAREFERENCE_ref", "p"]
    assert config.data_references["ref"].path_on_data_store == "x"


def test_a_password_stays_out_of_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = RunConfiguration()
    config.environment.docker.base_image_registry.password = "hush-hush"
    with caplog.at_level(logging.WARNING):
        config.save(tmp_path, "x")
    assert "password is not written" in caplog.text
    assert all("hush" not in path.read_text() for path in (tmp_path / ".azureml").iterdir())


def test_delete_takes_the_configuration_and_leaves_the_packages(tmp_path: Path) -> None:
    RunConfiguration().save(tmp_path, "x")
    RunConfiguration.delete(tmp_path, "x")
    assert [path.name for path in (tmp_path / ".azureml").iterdir()] == ["conda_dependencies.yml"]
    with pytest.raises(UserErrorException, match="no run configuration 'x'"):
        RunConfiguration.delete(tmp_path, "x")


def test_no_folder_no_name_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        RunConfiguration().save(tmp_path / "none", "x")
    with pytest.raises(UserErrorException, match="has no name"):
        RunConfiguration().save(tmp_path)
    with pytest.raises(UserErrorException, match="Invalid run configuration name"):
        RunConfiguration().save(tmp_path, "../x")
    with pytest.raises(UserErrorException, match="or a folder and the configuration's name"):
        RunConfiguration.load(tmp_path)
    RunConfiguration().save(tmp_path, "local")
    with pytest.raises(UserErrorException, match=r"Did you mean 'local'\?"):
        RunConfiguration.load(tmp_path, "locl")
    with pytest.raises(UserErrorException, match="is a Datastore, which cannot be written"):
        RunConfiguration("a.py", [STORE]).save(tmp_path, "x")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nodeCount: two", r"nodeCount must be a whole number, not 'two'"),
        ("nodeCount: true", "nodeCount must be a whole number, not True"),
        ("script: 3\narguments: --a", "arguments must be a list, not '--a'"),
        ("environment: {docker: {enabled: 'yes'}}", "docker: enabled must be true or false"),
        ("environment: {python: 3}", "python must be a mapping"),
        ("environmentVariables: [A]", "environmentVariables must be a mapping"),
        ("dataReferences: {a: b}", "dataReferences.a must be a mapping"),
        ("dataReferences: {a: {mode: share}}", "mode 'share' is not one of"),
        ("data: {a: b}", "data.a must be a mapping with 'dataLocation'"),
        ("data: {a: {mechanism: 1}}", "data.a: mechanism must be text"),
        ("outputData: {a: b}", "outputData.a must be a mapping with 'outputLocation'"),
        ("outputData: {a: {mechanism: send}}", "outputData.a: mechanism must be mount or upload"),
        ("environment: none.yml", "cannot be read"),
        ("environment: {python: {condaDependenciesFile: no.yml}}", "no.yml' cannot be read"),
        ("a: [", "is not valid YAML"),
        ("- a", "must be a mapping, such as"),
        ("!!python/object/apply:os.getcwd []", "is not valid YAML"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_its_key(text: str, says: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UserErrorException, match=says):
        RunConfiguration.load(path)


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_value_is_the_default(value: Any, tmp_path: Path) -> None:
    write(tmp_path, f"arguments: {value or ''}\nenvironment:\nhistory:\ndataReferences:\nnodeCount:\n")
    assert repr(RunConfiguration.load(tmp_path, "local")) == repr(RunConfiguration())
