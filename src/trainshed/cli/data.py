"""Data that the command line gives to a script: ``--data NAME=WHERE``."""

from __future__ import annotations

import argparse
import os
import re
from typing import Any

from trainshed.api.data.dataset import Dataset
from trainshed.api.data.datastore import Datastore
from trainshed.api.data.file_dataset import FileDataset
from trainshed.cli import resolve
from trainshed.errors import NotFoundException, UserErrorException

_DATASTORE, _DATASET = "datastore://", "dataset://"
_PATTERN = re.compile(r"[*?\[]")
_FORMS = f"a path, a web address, {_DATASTORE}NAME/PATH, or {_DATASET}NAME:VERSION"


def script_params(options: argparse.Namespace) -> dict[str, Any]:
    """Return the data options as parameters of the script: ``--NAME`` with the path at which it finds the data.

    Args:
        options: of the command. Their workspace is opened only for what is registered in it.

    Raises:
        UserErrorException: an option is not of the form NAME=WHERE, or a name is given twice.
        NotFoundException: there is nothing there.
    """
    found: dict[str, Any] = {}
    for text in options.data:
        name, _, where = text.partition("=")
        flag = f"--{name.lstrip('-')}"
        if flag == "--" or not where:
            raise UserErrorException(f"--data {text!r} must be of the form NAME=WHERE, where WHERE is {_FORMS}.")
        if flag in found:
            raise UserErrorException(f"--data names '{name}' twice. Each name becomes one argument of the script.")
        found[flag] = _data(options, re.sub(r"\W", "_", flag[2:], flags=re.ASCII), where)
    return found


def _data(options: argparse.Namespace, name: str, where: str) -> Any:
    if where.startswith(_DATASET):
        registered, _, version = where.removeprefix(_DATASET).partition(":")
        dataset = Dataset.get_by_name(resolve.workspace(options, create=True), registered, version or "latest")
        as_input = dataset.as_named_input(name)
        return as_input.as_mount() if isinstance(dataset, FileDataset) else as_input
    if where.startswith(_DATASTORE):
        store, _, path = where.removeprefix(_DATASTORE).partition("/")
        datastore = Datastore.get(resolve.workspace(options, create=True), store)
        return datastore.path(path, data_reference_name=name).as_mount()
    if "://" not in where:
        where = os.path.expanduser(where)  # no shell has, behind NAME=
        if not _PATTERN.search(where) and not os.path.exists(where):
            raise NotFoundException(f"--data {name}: there is no file or folder '{where}'.")
    return Dataset.File.from_files(where).as_named_input(name).as_mount()
