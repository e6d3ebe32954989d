"""The one table of names that are about v1's cloud alone."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

from azureml import _made
from azureml._cloud_only import ROWS, Row
from trainshed.errors import UserErrorException

OWN = [row for row in ROWS if "." not in row.name]


@pytest.mark.parametrize("row", OWN, ids=[row.name for row in OWN])
def test_a_name_is_the_same_wherever_it_is_imported_from(row: Row) -> None:
    name = row.name.partition("(")[0]
    modules = [import_module(f"azureml.{module}") for module in row.modules.split()]
    assert len({id(getattr(module, name)) for module in modules}) == 1
    assert all(name in module.__all__ for module in modules)


def test_no_row_stands_for_what_there_is() -> None:
    names = [member for row in ROWS for member in (row.name, *row.name.partition(".")[2].split())]
    assert len({row.name for row in ROWS}) == len(ROWS) < len(names)
    for row in ROWS:
        owner, _, members = row.name.partition(".")
        there = getattr(import_module(f"azureml.{row.modules.split()[0]}"), owner.partition("(")[0])
        for member in members.split():
            assert getattr(vars(there)[member.removesuffix("()")], "__module__", "azureml._made") != there.__module__


def test_a_row_is_all_that_a_name_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (
        Row("core.webservice", "Queue(AksEndpoint)", "(workspace, depth=3)", "use a file"),
        Row("core.webservice", "Queue.push pull", "(item)", "Queues are not here."),
    )
    monkeypatch.setitem(_made._own, "Queue", rows[0])
    monkeypatch.setitem(_made._members, "Queue", [rows[1]])
    from azureml.core.webservice import AksEndpoint, Queue

    assert issubclass(Queue, AksEndpoint)
    assert str(inspect.signature(Queue)) == "(workspace, depth=3)"
    assert str(inspect.signature(Queue.push)) == "(item)"
    with pytest.raises(UserErrorException, match=r"^Queue is only available in Azure ML; here, use a file\.$"):
        Queue(None)
    with pytest.raises(UserErrorException, match=r"^Queues are not here\.$"):
        Queue.pull(1)
    _made._made.pop("Queue")


def test_a_way_to_sign_in_takes_its_own_parameters_alone() -> None:
    from azureml.core.authentication import AbstractAuthentication, MsiAuthentication

    assert isinstance(MsiAuthentication(cloud="x"), AbstractAuthentication)
    assert repr(MsiAuthentication()) == "MsiAuthentication()"
    with pytest.raises(TypeError, match="unexpected keyword argument 'clod'"):
        MsiAuthentication(clod="x")
    with pytest.raises(AttributeError, match=r"module 'azureml\.core\.authentication' has no attribute 'Nobody'"):
        _ = import_module("azureml.core.authentication").Nobody
