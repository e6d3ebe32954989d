from __future__ import annotations

from typing import Any

import pytest

from trainshed.errors import WebserviceException
from trainshed.service.gpus import Gpus, wanted
from trainshed.spec.run import WEBSERVICE


def spec(processes: int = 1, nodes: int = 1, **more: Any) -> dict[str, Any]:
    launcher = "openmpi" if processes * nodes > 1 else "single"
    return {"launcher": launcher, "node_count": nodes, "process_count_per_node": processes, **more}


ONE = spec(use_gpu=True)


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (spec(), 0),
        (ONE, 1),
        (spec(2, 2), 2),
        (spec(2, 2, container={"image": "i"}), 0),
        (spec(2, 2, container={"image": "i"}, use_gpu=True), 2),
    ],
)
def test_who_takes_how_many(asked: dict[str, Any], count: int) -> None:
    assert wanted(asked) == count


def test_nodes_have_theirs_disjointly_and_in_order() -> None:
    gpus = Gpus(lambda: ["0", "1", "2", "3", "4"])
    assert gpus.take("r", spec(2, 2))
    assert gpus.allocation("r")["gpus"] == [["0", "1"], ["2", "3"]]
    assert gpus.take("s", ONE)
    assert gpus.allocation("s")["gpus"] == [["4"]]


def test_one_that_finds_none_free_waits_until_another_lets_go() -> None:
    gpus = Gpus(lambda: ["0"])
    assert gpus.take("first", ONE)
    assert not gpus.take("second", ONE)
    gpus.let_go("first")
    assert gpus.take("second", ONE)


def test_a_run_without_gpus_sees_those_that_nobody_has() -> None:
    gpus = Gpus(lambda: ["0", "1"])
    assert gpus.take("plain", spec())
    assert gpus.allocation("plain") == {}
    assert gpus.take("one", ONE)
    assert gpus.take("next", spec())
    assert gpus.allocation("next") == {"gpus": [["1"]]}
    assert gpus.take("other", ONE)  # what is seen is not taken
    assert gpus.take("last", spec())
    assert gpus.allocation("last") == {"gpus": [[]]}


def test_more_than_there_are_is_all_of_them_with_a_warning() -> None:
    gpus = Gpus(lambda: ["0", "1", "2"])
    assert gpus.take("r", spec(2, 2, use_gpu=True))
    assert gpus.allocation("r")["gpus"] == [["0"], ["1", "2"]]
    assert gpus.allocation("r")["gpu_note"].startswith("The run requests 4 GPUs, and this machine has 3: ")
    assert not gpus.take("s", spec(4, 4))  # which is all there is, and not free


def test_more_nodes_than_gpus_share_them() -> None:
    gpus = Gpus(lambda: ["0", "1"])
    assert gpus.take("r", spec(1, 3, backend="nccl", use_gpu=True))
    assert gpus.allocation("r")["gpus"] == [["0"], ["1"], ["0"]]
    assert "NCCL needs one GPU per process" in gpus.allocation("r")["gpu_note"]


def test_where_there_are_none_it_is_said_to_those_who_asked() -> None:
    gpus = Gpus()
    assert gpus.take("r", ONE)
    assert gpus.allocation("r") == {
        "gpu_note": "The run requests 1 GPU, and this machine has no NVIDIA GPU: it runs without GPUs."
    }
    assert gpus.take("s", spec(2, 2))
    assert gpus.allocation("s") == {}


def test_what_the_user_chose_stands() -> None:
    gpus = Gpus(lambda: ["0"])
    assert gpus.take("first", ONE)
    assert gpus.take("r", spec(use_gpu=True, environment_variables={"CUDA_VISIBLE_DEVICES": "0"}))
    assert gpus.allocation("r") == {}


def test_a_later_service_takes_up_what_was_given() -> None:
    first = Gpus(lambda: ["0", "1"])
    assert first.take("r", ONE)
    later = Gpus(lambda: ["0", "1"])
    later.keep("r", {"home": "/h", **first.allocation("r")})
    assert later.take("s", ONE)
    assert later.allocation("s")["gpus"] == [["1"]]
    assert not later.take("t", ONE)


def test_versions_of_a_web_service_share_theirs_and_more_than_there_are_is_refused() -> None:
    service = {**spec(use_gpu=True), "kind": WEBSERVICE, "display_name": "digits", "worker_count": 2}
    gpus = Gpus(lambda: ["0", "1", "2"])
    assert gpus.take("first", service)
    assert not gpus.take("other", {**service, "display_name": "other"})
    later = Gpus(lambda: ["0", "1", "2"])
    later.keep("first", gpus.allocation("first"))
    assert later.take("second", {**service, "worker_count": 3})
    assert later.allocation("second")["gpus"] == [["0", "1", "2"]]
    later.let_go("first")
    assert not later.take("r", ONE)
    with pytest.raises(WebserviceException, match=r"'digits' wants 2 GPUs .* and its machine has 1"):
        Gpus(lambda: ["0"]).take("r", service)
