"""SDK v1's surface: every name of ``surface.toml`` is there, with v1's parameters, order and defaults."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from trainshed.api.compute.compute import ComputeTarget
from trainshed.errors import TrainshedError

tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")  # which pytest brings
SURFACE = Path(__file__).parents[3] / "compat" / "azureml" / "src" / "azureml" / "surface.toml"
MEMBERS = tomllib.loads(SURFACE.read_text())["member"]
EMPTY = inspect.Parameter.empty
MADE_ELSEWHERE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def found(name: str) -> Any:
    """Return what a dotted name means: the longest part that is a module, then attributes; ``()`` makes an object."""
    parts = re.split(r"\.", name.replace("()", ""))
    made = [place for place, part in enumerate(name.split(".")) if part.endswith("()")]
    for length in range(len(parts) - 1, 0, -1):
        try:
            value: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for place, part in enumerate(parts[length:], length):
            value = (
                inspect.getattr_static(value, part)
                if inspect.isclass(value) and part.startswith("__")
                else getattr(value, part)
            )
            if place in made:
                value = value()
        return value
    raise AssertionError(f"no module of {name}")


def parameters(text: str) -> list[tuple[str, Any, str]]:
    """Return (name, default, kind) of the parameters of a signature as v1's page has it."""
    node = ast.parse(f"def f{text}: pass").body[0]
    assert isinstance(node, ast.FunctionDef)
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    defaults = [EMPTY] * (len(plain) - len(given.defaults)) + [literal(each) for each in given.defaults]
    rows = [(arg.arg, default, "plain") for arg, default in zip(plain, defaults, strict=True)]
    rows += [
        (arg.arg, EMPTY if default is None else literal(default), "keyword")
        for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    return rows


def literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ...  # a constant of v1's own


def differences(member: dict[str, Any]) -> list[str]:
    """Return how a class or method differs from v1's."""
    ours = inspect.signature(found(member["name"])).parameters
    names = [name for name in ours if name != "self"]
    told, last = [], -1
    for name, default, kind in parameters(member["signature"]):
        if name not in ours and name.startswith("_") and "kwargs" in ours:
            continue  # v1's own business
        if name not in ours:
            told.append(f"has no parameter '{name}'")
            continue
        here = ours[name]
        if (
            default not in (..., EMPTY)
            and here.default != default
            and not (isinstance(default, list) and not here.default)
        ):
            told.append(f"'{name}' is {here.default!r} by default, in v1 {default!r}")
        if kind == "keyword" and here.kind is not inspect.Parameter.KEYWORD_ONLY:
            told.append(f"'{name}' must be given by keyword in v1")
        if kind == "plain":
            if names.index(name) < last:
                told.append(f"'{name}' stands at another place")
            last = names.index(name)
    needed = {name for name, _, _ in parameters(member["signature"])}
    told += [
        f"'{name}' must be given, and v1 has no such parameter"
        for name, here in ours.items()
        if here.default is EMPTY and here.kind not in MADE_ELSEWHERE and name not in needed | {"self"}
    ]
    return told


def refused(name: str) -> str:
    """Return the sentence with which a member that is about v1's cloud is refused."""
    with pytest.raises(TrainshedError) as told:
        use(name)
    return str(told.value)


def use(name: str) -> None:
    there = found(name)
    owner = found(name.rpartition(".")[0])
    made = object.__new__(owner) if inspect.isclass(owner) else None
    if isinstance(made, ComputeTarget):
        made.name = "mine"
    if isinstance(there, property):
        assert there.fget is not None
        there.fget(made)
    elif inspect.isclass(there) and issubclass(there, ComputeTarget):
        there.attach(None, "mine", there.attach_configuration())  # type: ignore[arg-type, attr-defined]
    elif inspect.isclass(there):
        there()
    else:
        method = getattr(made, name.rpartition(".")[2]) if made is not None else there
        given = inspect.signature(method).parameters.values()
        method(*[None for each in given if each.default is EMPTY and each.kind not in MADE_ELSEWHERE])


CLOUD = [member for member in MEMBERS if member["status"] == "cloud"]


@pytest.mark.parametrize("member", CLOUD, ids=[member["name"] for member in CLOUD])
def test_what_is_about_v1s_cloud_says_what_to_do_instead(member: dict[str, Any]) -> None:
    assert refused(member["name"]) == member["sentence"]


@pytest.mark.parametrize("member", MEMBERS, ids=[member["name"] for member in MEMBERS])
def test_a_row_of_v1s_surface(member: dict[str, Any]) -> None:
    if member["kind"] == "field":
        assert found(member["name"]) == json.loads(member["default"])
        return
    there = found(member["name"])
    if member["kind"] == "property":
        assert isinstance(there, property)
    elif "signature" in member:
        assert callable(there)
        assert differences(member) == []


def test_each_row_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    assert len({member["name"] for member in MEMBERS}) == len(MEMBERS)
    for member in MEMBERS:
        assert member["status"] in ("works", "differs", "cloud"), member
        assert bool(member.get("how")) == (member["status"] == "differs"), member
        assert "how" in member or "raises" not in member, member
        assert bool(member.get("sentence")) == (member["status"] == "cloud"), member
    counts = Counter(member["status"] for member in MEMBERS)
    with capsys.disabled():
        told = ", ".join(f"{count} {status}" for status, count in counts.most_common())
        print(f"\nSDK v1's surface: {len(MEMBERS)} of {len(MEMBERS)} rows ({told})")


def test_a_missing_or_differing_name_fails() -> None:
    broken = copy.deepcopy(next(member for member in MEMBERS if member["name"] == "azureml.core.Run.log"))
    broken["signature"] = "(name, value, description='', step=0, place=None)"
    assert differences(broken) == ["'step' is None by default, in v1 0", "has no parameter 'place'"]
    with pytest.raises(AttributeError):
        found("azureml.core.Run.no_such_method")
