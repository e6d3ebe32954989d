"""Datasets of a run: made available before the script, and copied to their datastores after it."""

from __future__ import annotations

import os

from trainshed.data import dataset
from trainshed.data.addresses import FOLDER
from trainshed.data.folder import copy
from trainshed.errors import TYPE_CHECKING, TrainshedError
from trainshed.node.logs import open_log
from trainshed.spec import layout
from trainshed.spec.run import InputSpec, OutputSpec, RunSpec
from trainshed.system import jsons

if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Tuple

_INPUT = "DatasetConsumptionConfig:"
_OUTPUT = "DatasetOutputConfig:"


class Datasets:
    """The inputs and outputs of one run.

    Args:
        spec: the request.
        run_id: the run.
        stores: name of a datastore → its record.
        run_dir: the run directory.
        code_dir: the script's working folder.
        fetch: downloads files at web addresses.

    Attributes:
        variables: environment variables for the script.
    """

    def __init__(
        self,
        spec: RunSpec,
        run_id: str,
        stores: Mapping[str, Mapping[str, str]],
        run_dir: str,
        code_dir: str,
        fetch: dataset.Fetch,
    ) -> None:
        self._spec = spec
        self._run_id = run_id
        self._stores = stores
        self._run_dir = run_dir
        self._code_dir = code_dir
        self._fetch = fetch
        self.variables: Dict[str, str] = {}
        self._values: Dict[str, str] = {}

    def attach(self) -> None:
        """Make all inputs and outputs available.

        Raises:
            TrainshedError: one cannot be made available; the message names it.
        """
        inputs: Dict[str, Dict[str, Any]] = {}
        for item in self._spec.inputs:
            try:
                value, inputs[item.name] = self._input(item)
            except (OSError, TrainshedError) as error:
                message = f"Dataset '{item.name}' could not be made available: {error}"
                raise TrainshedError(message, {"reason": "data_failed"}) from error
            self._values[_INPUT + item.name] = value
            for name in (item.name, item.name.upper(), f"AZURE_ML_INPUT_{item.name}"):
                self.variables.setdefault(name, value)
        for output in self._spec.outputs:
            place = self._place(output)
            os.makedirs(place, exist_ok=True)
            self._values[_OUTPUT + output.name] = place
            self.variables[f"AZURE_ML_OUTPUT_{output.name}"] = place
        if inputs:
            self.variables["TRAINSHED_INPUTS"] = jsons.dumps(inputs)
        if self._spec.outputs:
            places = {output.name: self._place(output) for output in self._spec.outputs}
            self.variables["TRAINSHED_OUTPUTS"] = jsons.dumps(places)

    def _input(self, item: InputSpec) -> Tuple[str, Dict[str, Any]]:
        definition = dataset.on_this_machine(jsons.loads(item.definition), self._stores)
        facts: Dict[str, Any] = {"mode": item.mode, "path": None, "dataset": item.dataset, "definition": definition}
        if item.mode == "direct":
            return item.dataset or item.name, facts
        found = dataset.files(definition, self._stores, self._fetch)
        target = os.path.join(self._run_dir, "data", "inputs", item.name)
        if item.path_on_compute:
            target = os.path.join(self._code_dir, os.path.expanduser(item.path_on_compute))
        dataset.lay(found, target, link=item.mode == "mount")
        one = found and dataset.is_one_file(definition, self._stores)
        facts["path"] = os.path.join(target, found[0][1]) if one else target
        return facts["path"], facts

    def _target(self, output: OutputSpec) -> str:
        store = self._stores[output.datastore]
        path = layout.output_path(output.path, self._run_id, output.name)
        return os.path.join(store.get("outbox", store["path"]), path)

    def _place(self, output: OutputSpec) -> str:
        if output.mode == "mount" and not output.source:
            return self._target(output)
        if output.source:
            return os.path.join(self._code_dir, os.path.expanduser(output.source))
        return os.path.join(self._run_dir, "data", "outputs", output.name)

    def arguments(self, given: Tuple[str, ...]) -> Tuple[str, ...]:
        """Return the script's arguments, with placeholders for datasets replaced by paths."""
        return tuple(self._values.get(argument, argument) for argument in given)

    def detach(self) -> List[str]:
        """Copy the script's outputs to the datastores; return where each output is."""
        for output in self._spec.outputs:
            if self._place(output) != self._target(output):
                copy(self._place(output), self._target(output), output.overwrite)
        return [self._target(output) for output in self._spec.outputs]


class Downloads:
    """Downloads the files of datasets at web addresses to Trainshed's home on this machine.

    Args:
        home: the home.
        log: the log in which the downloads of a run are told.
    """

    def __init__(self, home: str, log: str) -> None:
        self._folder = os.path.join(home, FOLDER)
        self._log = log

    def __call__(self, address: str) -> str:
        """Return the path of a file, downloading it if necessary."""
        from trainshed.data import web  # takes 30 ms, and most runs have no such data

        return web.fetch(address, self._folder, self._say)

    def _say(self, text: str) -> None:
        with os.fdopen(open_log(self._log), "ab", buffering=0) as file:
            file.write(f"{text}\n".encode())
