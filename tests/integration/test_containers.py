"""Runs in containers: real podman, real images, a real registry with a password."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow_rest import REST
from podman_engine import BARE, EMPTY, FOREIGN, PASSWORD, PYTHON, USER, Engine, containers
from podman_engine import engine as new_engine
from waiting import until_logged, until_printed
from web_server import web_server

from azureml.core.model import InferenceConfig
from trainshed import (
    AmlCompute,
    ComputeTarget,
    ContainerRegistry,
    Dataset,
    DockerConfiguration,
    Environment,
    Estimator,
    Experiment,
    Model,
    ScriptRunConfig,
    Workspace,
)
from trainshed.api.hyperdrive import (
    BanditPolicy,
    GridParameterSampling,
    HyperDriveConfig,
    PrimaryMetricGoal,
    choice,
)
from trainshed.errors import ActivityFailedException, UserErrorException, WebserviceException
from trainshed.system import process


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    made = new_engine()
    yield made
    made.close()


@pytest.fixture
def experiment(engine: Engine, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Have the service find the engine; the workspace is made after this."""
    for name, value in engine.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TRAINSHED_CONTAINER_ENGINE", "podman")
    monkeypatch.setenv("TRAINSHED_PYTHON_DOWNLOADS", "never")


class Trial:
    """Submits a script in a container.

    Args:
        workspace: where.
        project: source folder.
    """

    def __init__(self, workspace: Workspace, project: Path) -> None:
        self.workspace = workspace
        self.experiment = Experiment(workspace, "boxed")
        self.project = project

    def estimator(self, code: str, image: str = PYTHON, own: bool = True, **more: Any) -> Estimator:
        (self.project / "train.py").write_text(code)
        given = {"compute_target": "local", "custom_docker_image": image, "user_managed": own, **more}
        return Estimator(str(self.project), entry_script="train.py", **given)

    def submit(self, code: str, image: str = PYTHON, own: bool = True, **more: Any) -> Any:
        return self.experiment.submit(self.estimator(code, image, own, **more))

    def fails(self, run: Any) -> dict[str, Any]:
        with pytest.raises(ActivityFailedException):
            run.wait_for_completion()
        error: dict[str, Any] = run.get_details()["error"]["error"]
        return error


@pytest.fixture
def trial(experiment: None, workspace: Workspace, project: Path, engine: Engine) -> Iterator[Trial]:
    yield Trial(workspace, project)
    left = containers(engine)
    assert not left, f"containers were left: {left}"


def log_of(run: Any) -> str:
    return b"".join(run.read("azureml-logs/70_driver_log.txt")).decode()


SAY = """
import json, os, sys
print(json.dumps({"root": sorted(os.listdir("/")), "python": sys.executable, "who": [os.getuid(), os.getgid()],
    "environ": dict(os.environ), "folder": os.getcwd(), "argv": sys.argv[1:]}))
"""


def test_a_script_runs_in_the_image(trial: Trial, tmp_path: Path, served_by: int) -> None:
    code = (
        SAY
        + """
from azureml.core import Run
Run.get_context().log("x", 1.5)
with open("outputs/made.txt", "w") as file: file.write("kept")
"""
    )
    run = trial.submit(code, environment_variables={"MINE": "a b"}, script_params={"--alpha": 0.5})
    run.wait_for_completion()
    told = json.loads(log_of(run))
    assert not {"srv", "media"} & set(told["root"])  # of this machine
    assert told["python"] == "/usr/bin/python3"
    assert told["who"][0] == served_by
    assert told["argv"] == ["--alpha", "0.5"]
    assert told["environ"]["MINE"] == "a b"
    assert told["environ"]["OF_THE_IMAGE"] == "yes"
    assert told["environ"]["PATH"].endswith("/bin")
    assert told["environ"]["AZUREML_RUN_ID"] == run.id
    assert "CONTAINERS_CONF" not in told["environ"]
    assert run.get_metrics() == {"x": 1.5}
    run.download_file("outputs/made.txt", str(tmp_path / "made.txt"))
    assert (tmp_path / "made.txt").read_text() == "kept"
    container = run.get_details()["environment"]["container"]
    assert container["engine"] == "podman"
    assert container["image"] == PYTHON


@pytest.mark.own_folder
def test_what_a_script_in_the_image_writes_is_the_users(trial: Trial) -> None:
    run = trial.submit("import os\nprint(os.getgid())\nopen('outputs/made.txt', 'w').close()")
    run.wait_for_completion()
    assert log_of(run).split() == [str(os.getgid())]
    made = Path(trial.workspace.path) / "runs" / run.id / "code" / "outputs" / "made.txt"
    assert (made.stat().st_uid, made.stat().st_gid) == (os.getuid(), os.getgid())


def test_packages_are_put_on_top_of_the_image(trial: Trial) -> None:
    code = "import colorama, of_the_image; print(colorama.__file__, of_the_image.WORD)"
    for cached in (False, True):
        run = trial.submit(code, own=False, pip_packages=["colorama==0.4.6"])
        run.wait_for_completion()
        assert "environments" in log_of(run)
        assert "from the image" in log_of(run)
        assert run.get_details()["environment"]["cached"] is cached


def test_packages_that_cannot_be_had_are_told_in_the_solvers_words(trial: Trial) -> None:
    error = trial.fails(trial.submit("", own=False, pip_packages=["colorama==99.0"]))
    assert error["reason"] == "env_build_failed"
    assert "colorama" in error["message"]


def test_an_image_without_python_gets_one(trial: Trial) -> None:
    run = trial.submit("import sys, colorama; print(sys.prefix)", BARE, own=False, pip_packages=["colorama==0.4.6"])
    error: dict[str, Any] = {}
    try:
        run.wait_for_completion()
    except ActivityFailedException:
        error = run.get_details()["error"]["error"]
    if error.get("reason") == "image_without_python":
        pytest.skip("this machine has no Python in a folder of its own that could be mounted into an image")
    assert not error
    assert "environments" in log_of(run)


@pytest.mark.parametrize(
    ("image", "own", "words"),
    [(EMPTY, False, "has no Python, and no Python of this machine"), (BARE, True, "the run uses the image's own")],
)
def test_an_image_in_which_no_python_can_run(trial: Trial, image: str, own: bool, words: str) -> None:
    error = trial.fails(trial.submit("", image, own))
    assert error["reason"] == "image_without_python"
    assert words in error["message"]


def test_how_a_script_fails_is_told_as_without_a_container(trial: Trial) -> None:
    error = trial.fails(trial.submit("import sys; print('last words'); sys.exit(7)"))
    assert (error["reason"], error["exit_code"]) == ("exit", 7)
    assert "last words" in error["log_tail"]
    error = trial.fails(trial.submit("raise ValueError('seven')"))
    assert "ValueError: seven" in error["message"]
    assert error["debugInfo"]["type"] == "ValueError"
    error = trial.fails(trial.submit("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"))
    assert (error["reason"], error["signal"]) == ("signal", signal.SIGSEGV)


WAITS = """
import os, signal, subprocess, sys, time
def leave(*_):
    print("time to leave", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
subprocess.Popen(["sleep", "1000"], start_new_session=True)
print("there", flush=True)
while True: time.sleep(1)
"""


def test_cancel_ends_all_that_is_in_the_container(trial: Trial) -> None:
    run = trial.submit(WAITS)
    until_logged(run, "there")
    run.cancel()
    run.wait_for_completion()
    assert run.get_status() == "Canceled"
    assert "time to leave" in log_of(run)
    assert not process.family(None, f"TRAINSHED_RUN_ID={run.id}")


def test_a_sweep_of_containers(trial: Trial) -> None:
    code = """
import signal, sys
from azureml.core import Run
signal.signal(signal.SIGTERM, lambda *_: sys.exit("time to leave"))
alpha = float(sys.argv[2])
Run.get_context().log("score", alpha)
if alpha < 1:
    signal.pause()
"""
    config = HyperDriveConfig(
        hyperparameter_sampling=GridParameterSampling({"alpha": choice(2, 0.5)}),
        primary_metric_name="score",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=2,
        max_concurrent_runs=1,
        policy=BanditPolicy(slack_factor=0.1),
        estimator=trial.estimator(code),
    )
    run: Any = trial.experiment.submit(config)
    run.wait_for_completion()
    found = run.get_trials()
    assert [(each["best"], each["status"], each["stopped_at"]) for each in found] == [
        (2, "Completed", None),
        (0.5, "Canceled", 1),
    ]
    assert "time to leave" in log_of(trial.workspace.get_run(found[1]["run_id"]))


def test_the_time_limit_holds_in_a_container(trial: Trial) -> None:
    error = trial.fails(trial.submit(WAITS, max_run_duration_seconds=2))
    assert error["reason"] == "time_limit"


def test_processes_left_in_a_container_are_ended(trial: Trial) -> None:
    run = trial.submit(WAITS.replace("while True: time.sleep(1)", ""))
    run.wait_for_completion()
    assert not process.family(None, f"TRAINSHED_RUN_ID={run.id}")


@pytest.mark.skipif(
    int(os.environ.get("TRAINSHED_TEST_SERVED_BY") or os.getuid()) != 0
    and not os.path.exists("/sys/fs/cgroup/cgroup.controllers"),
    reason="on this machine only root can limit memory",
)
def test_want_of_memory_is_told(trial: Trial) -> None:
    environment = Environment("small")
    environment.docker.base_image = PYTHON
    environment.docker.arguments = ["--memory=64m", "--memory-swap=64m"]
    environment.python.user_managed_dependencies = True
    (trial.project / "train.py").write_text("print('before', flush=True)\nx = bytearray(400 << 20)\nprint('after')")
    config = ScriptRunConfig(str(trial.project), "train.py", environment=environment)
    config.run_config.docker = DockerConfiguration(use_docker=True)
    error = trial.fails(trial.experiment.submit(config))
    assert error["reason"] == "oom"
    assert "exceeded its memory limit" in error["message"]


def test_arguments_shared_memory_and_a_command(trial: Trial) -> None:
    environment = Environment("image")
    environment.docker.base_image = PYTHON
    environment.python.user_managed_dependencies = True
    how = DockerConfiguration(use_docker=True, shm_size="64m", arguments=["--env=GIVEN=so", "--tmpfs=/scratch"])
    trial.project.joinpath("words.txt").write_text("of the folder\n")
    config = ScriptRunConfig(
        str(trial.project),
        command=["sh", "-c", "cat words.txt; echo $GIVEN; test -w /scratch && df -k /dev/shm"],
        environment=environment,
        docker_runtime_config=how,
    )
    run = trial.experiment.submit(config)
    run.wait_for_completion()
    lines = log_of(run).splitlines()
    assert lines[:2] == ["of the folder", "so"]
    assert any("65536" in line for line in lines)


def test_what_the_container_uses_and_what_mlflow_logs_there_are_the_runs(trial: Trial) -> None:
    code = (
        f"{REST}\nmlflow('runs/log-metric', key='loss', value=0.5, step=3)\nimport time\n"
        "journal, held = os.environ['TRAINSHED_RUN_DIR'] + '/journal.jsonl', bytearray(60 << 20)\n"
        "while 'system: cpu' not in open(journal).read(): sum(range(10_000)), time.sleep(0.01)\n"
        "seen = [(event['n'], event['v']) for event in map(json.loads, open(journal))]\n"
        "print(max(v for n, v in seen if n == 'system: memory') > 60e6, max(v for n, v in seen if n == 'system: cpu') > 0)"
    )
    environment = Environment("image")
    environment.docker.base_image = PYTHON
    environment.python.user_managed_dependencies = True
    (trial.project / "train.py").write_text(code)
    how = DockerConfiguration(use_docker=True, arguments=["--network=none"])  # where this machine's loopback is not
    config = ScriptRunConfig(str(trial.project), "train.py", environment=environment, docker_runtime_config=how)
    run = trial.experiment.submit(config)
    run.wait_for_completion()
    assert run.get_metrics() == {"loss": 0.5}
    assert log_of(run) == "True True\n"


def test_a_command_that_is_not_in_the_image(trial: Trial) -> None:
    environment = Environment("image")
    environment.docker.base_image = PYTHON
    environment.python.user_managed_dependencies = True
    how = DockerConfiguration(use_docker=True)
    config = ScriptRunConfig(
        str(trial.project), command=["nowhere"], environment=environment, docker_runtime_config=how
    )
    error = trial.fails(trial.experiment.submit(config))
    assert error["reason"] == "start_failed"
    assert "'nowhere' cannot be started in the image" in error["message"]


def test_arguments_that_the_engine_does_not_know(trial: Trial) -> None:
    environment = Environment("image")
    environment.docker.base_image = PYTHON
    environment.docker.arguments = ["--no-such-option"]
    environment.docker.enabled = True
    (trial.project / "train.py").write_text("")
    error = trial.fails(
        trial.experiment.submit(
            Estimator(
                str(trial.project), entry_script="train.py", compute_target="local", environment_definition=environment
            )
        )
    )
    assert error["reason"] == "container_failed"
    assert "no-such-option" in error["message"]


def test_data_is_there_and_comes_back(trial: Trial, tmp_path: Path) -> None:
    store = trial.workspace.get_default_datastore()
    source = tmp_path / "data"
    source.mkdir()
    (source / "a.txt").write_text("alpha")
    store.upload(str(source), target_path="in")
    code = """
import os, sys
sys.argv[1:] = sys.argv[2::2]
print(open(os.path.join(sys.argv[1], "a.txt")).read(), open(os.path.join(sys.argv[2], "a.txt")).read())
os.makedirs(sys.argv[3], exist_ok=True)
open(os.path.join(sys.argv[3], "b.txt"), "w").write("beta")
"""
    given = [store.path("in").as_mount(), store.path("in", data_reference_name="copy").as_download()]
    back = store.path("out", data_reference_name="back").as_upload()
    run = trial.submit(code, script_params={"--in": given[0], "--copy": given[1], "--back": back})
    run.wait_for_completion()
    assert "alpha alpha" in log_of(run)
    store.download(str(tmp_path / "home"), prefix="out")
    assert (tmp_path / "home" / "out" / "b.txt").read_text() == "beta"


def test_files_of_this_machine_and_of_the_web_are_there(trial: Trial, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("here")
    code = "import sys\nprint(open(sys.argv[2]).read(), open(sys.argv[4]).read())"
    with web_server() as server:
        server.files["/b.txt"] = b"there"
        given = [Dataset.File.from_files(path).as_mount() for path in (str(tmp_path / "a.txt"), server.url("/b.txt"))]
        run = trial.submit(code, script_params={"--here": given[0], "--there": given[1]})
        run.wait_for_completion()
    assert "here there" in log_of(run)


def test_a_script_in_a_container_reaches_its_workspace(trial: Trial) -> None:
    code = """
from azureml.core import Run
run = Run.get_context()
print(run.experiment.workspace.name, run.get_status())
child = run.child_run("inner")
child.log("y", 2)
child.complete()
"""
    run = trial.submit(code)
    run.wait_for_completion()
    assert f"{trial.workspace.name} Running" in log_of(run)
    assert [child.get_metrics() for child in run.get_children()] == [{"y": 2}]


def registry(engine: Engine, password: str | None) -> ContainerRegistry:
    made = ContainerRegistry()
    made.address, made.username, made.password = engine.registry, USER, password
    return made


@pytest.fixture
def pulled_no_image(engine: Engine) -> Iterator[None]:
    yield
    engine.podman("rmi", "--force", f"{engine.registry}/python:1", check=False)


@pytest.mark.own_folder
def test_an_image_of_a_registry_with_a_password(trial: Trial, engine: Engine, pulled_no_image: None) -> None:
    argv = trial.project.parent / "argv.txt"
    spy = trial.project.parent / "podman"
    spy.write_text(f'#!/bin/sh\necho "$@" >> {argv}\nexec podman "$@"\n')
    spy.chmod(0o755)
    os.environ["TRAINSHED_CONTAINER_ENGINE"] = str(spy)  # the fixture puts it back
    run = trial.submit("print('pulled')", "python:1", image_registry_details=registry(engine, PASSWORD))
    run.wait_for_completion()
    assert "pulled" in log_of(run)
    assert "pull" in argv.read_text()
    assert PASSWORD not in argv.read_text()
    secrets = Path(trial.workspace.path) / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    for folder, _, names in os.walk(os.environ["TRAINSHED_HOME"]):
        for path in (Path(folder) / name for name in names):
            if path != secrets and path.is_file():
                assert PASSWORD.encode() not in path.read_bytes(), path
    assert PASSWORD not in json.dumps(run.get_details(), default=str)
    assert trial.workspace.get_default_keyvault().list_secrets() == []


def test_a_registry_that_refuses(trial: Trial, engine: Engine, pulled_no_image: None) -> None:
    run = trial.submit("", "python:1", image_registry_details=registry(engine, "wrong"))
    error = trial.fails(run)
    assert error["reason"] == "registry_refused"
    assert engine.registry in error["message"]
    assert "log in" in error["message"]


def test_the_engines_own_login_is_used(trial: Trial, engine: Engine, pulled_no_image: None) -> None:
    engine.podman("login", "--tls-verify=false", f"--username={USER}", f"--password={PASSWORD}", engine.registry)
    try:
        run = trial.submit("print('pulled')", f"{engine.registry}/python:1")
        run.wait_for_completion()
    finally:
        engine.podman("logout", engine.registry)
    assert "pulled" in log_of(run)


def test_an_image_that_is_nowhere(trial: Trial, engine: Engine) -> None:
    error = trial.fails(trial.submit("", "nothing:1", image_registry_details=registry(engine, PASSWORD)))
    assert error["reason"] == "image_not_found"
    assert "Check its name" in error["message"]
    error = trial.fails(trial.submit("", "127.0.0.1:1/nothing:1"))
    assert error["reason"] == "registry_unreachable"
    assert "cannot be reached" in error["message"]
    with pytest.raises(UserErrorException, match="Invalid image name 'No Image'"):
        trial.submit("", "No Image")


def test_an_image_for_other_processors(trial: Trial) -> None:
    error = trial.fails(trial.submit("", FOREIGN))
    assert error["reason"] == "image_architecture"
    assert "s390x" in error["message"]


def test_an_image_of_a_dockerfile(trial: Trial, engine: Engine) -> None:
    environment = Environment.from_dockerfile("built", f"FROM {PYTHON}\nENV BUILT=here\n")
    environment.python.user_managed_dependencies = True
    (trial.project / "train.py").write_text("import os; print(os.environ['BUILT'])")
    how = DockerConfiguration(use_docker=True)
    config = ScriptRunConfig(str(trial.project), "train.py", environment=environment, docker_runtime_config=how)
    run = trial.experiment.submit(config)
    run.wait_for_completion()
    assert log_of(run) == "here\n"
    environment = Environment.from_dockerfile("broken", f"FROM {PYTHON}\nRUN exit 3\n")
    config = ScriptRunConfig(str(trial.project), "train.py", environment=environment, docker_runtime_config=how)
    error = trial.fails(trial.experiment.submit(config))
    assert error["reason"] == "image_build_failed"
    assert "could not be built" in error["message"]


@pytest.mark.own_folder
def test_no_engine(trial: Trial) -> None:
    os.environ["TRAINSHED_CONTAINER_ENGINE"] = "/nowhere/podman"  # the fixture puts it back
    error = trial.fails(trial.submit(""))
    assert error["reason"] == "no_container_engine"
    assert "apt-get install podman" in error["message"]


RANKS = """
import os, sys
from mpi4py import MPI
comm = MPI.COMM_WORLD
print("rank", comm.rank, "of", comm.size, "sum", comm.allreduce(comm.rank + 1), os.getcwd()[-16:], flush=True)
%s
"""


@pytest.fixture
def cluster(trial: Trial) -> ComputeTarget:
    return ComputeTarget.create(trial.workspace, "nodes", AmlCompute.provisioning_configuration(max_nodes=4))


def ranks(trial: Trial, cluster: ComputeTarget, code: str) -> Any:
    return trial.submit(
        RANKS % code, own=False, compute_target=cluster, node_count=2, distributed_backend="mpi",
        pip_packages=["mpi4py==4.1.2"],
    )  # fmt: skip


def test_the_second_program_in_a_container(trial: Trial, cluster: ComputeTarget) -> None:
    run = ranks(trial, cluster, "")
    run.wait_for_completion()
    assert "[rank 0] rank 0 of 2 sum 3" in log_of(run)
    assert "[rank 1] rank 1 of 2 sum 3" in log_of(run)
    assert "nodes/1/code" in log_of(run)


def test_a_rank_that_fails_in_a_container(trial: Trial, cluster: ComputeTarget) -> None:
    error = trial.fails(ranks(trial, cluster, "sys.exit(9) if comm.rank else comm.recv(source=1)"))
    assert error["reason"] == "rank_failed"
    assert error["rank"]["rank"] == 1
    assert error["exit_code"] == 9


@pytest.mark.own_folder
def test_what_a_killed_shim_leaves_is_removed(trial: Trial, engine: Engine) -> None:
    run = trial.submit(WAITS)
    until_logged(run, "there")
    shim = json.loads((Path(trial.workspace.path) / "runs" / run.id / "shim.json").read_text())
    os.kill(shim["pid"], signal.SIGKILL)
    error = trial.fails(run)
    assert error["reason"] == "shim_lost"
    assert not process.family(None, f"TRAINSHED_RUN_ID={run.id}")


@pytest.mark.own_folder
def test_a_name_that_stands_for_another_image_by_now(trial: Trial, engine: Engine) -> None:
    moving = "localhost/test/moving:1"
    engine.podman("tag", PYTHON, moving)
    # Known by name after two runs; a third one does not ask.
    for _ in range(3):
        trial.submit("print('up')", image=moving).wait_for_completion()
    known = [json.loads(path.read_text()) for path in (trial.workspace.path.parents[1] / "images").glob("names-*.json")]
    assert any(moving in each.get("names", {}) for each in known)
    engine.podman("tag", EMPTY, moving)
    assert trial.fails(trial.submit("print('up')", image=moving))["reason"] == "image_without_python"
    engine.podman("untag", moving)


def test_a_web_service_in_a_container(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trial.project)
    Path("score.py").write_text(
        "import os\n\ndef run(data):\n    return [data, os.path.exists('/run/.containerenv'), os.environ.get('STEP')]\n"
    )
    environment = Environment("boxed")
    environment.docker.enabled = True
    environment.docker.base_image = PYTHON
    environment.python.user_managed_dependencies = True
    config = InferenceConfig("score.py", environment=environment)
    service = Model.deploy(trial.workspace, "boxed", [], config)
    service.wait_for_deployment()
    assert service.run("a") == ["a", True, None]
    # The next version gets the port from the container of this one. Its image is named as notebooks of 2019 did it.
    first = service.run_id
    Path("steps").write_text("ENV STEP=taken\n")
    config = InferenceConfig("score.py", "python", base_image=PYTHON, extra_docker_file_steps="steps")
    service.update(inference_config=config, num_replicas=2, wait=True)
    assert service.run_id != first
    assert service.run("b") == ["b", True, "taken"]
    service.delete()


def test_a_packaged_model_answers(
    experiment: None, engine: Engine, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.txt").write_text("the words")
    Path("score.py").write_text(
        "import os\n\n\ndef run(data):\n"
        "    with open(os.path.join(os.environ['AZUREML_MODEL_DIR'], 'words.txt')) as file:\n        return file.read() + data\n"
    )
    environment = Environment("serving")
    environment.python.conda_dependencies.remove_pip_package("azureml-defaults")
    environment.docker.base_image = PYTHON
    model = Model.register(workspace, "words.txt", "words")
    config = InferenceConfig("score.py", environment=environment)
    package = Model.package(workspace, [model], config, image_name="words", image_label="1")
    package.wait_for_creation(show_output=True)
    assert package.pull() == package.location == "words:1"
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    argv = ["podman", "run", "--rm", "--name", "packaged", "--env", f"PORT={port}", "words:1"]
    env = {**os.environ, **engine.environ}
    started = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        until_printed(started, "Answering at port")
        request = urllib.request.Request(f"http://localhost:{port}/score", b", and more")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.loads(answer.read()) == "the words, and more"
    finally:
        engine.podman("stop", "--time", "20", "packaged", check=False)
    assert started.wait(60) == 0  # it has stopped by itself
    environment.docker.base_image = "localhost/test/none:1"
    failed = Model.package(workspace, [model], config, image_name="words", image_label="2")
    with pytest.raises(WebserviceException, match="could not be built"):
        failed.wait_for_creation()
    assert failed.state == "Failed"
