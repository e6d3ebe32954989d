"""Runs a notebook as the script of a run: ``python -m trainshed.runtime.notebook train.ipynb ARGUMENTS``.

Its code cells are executed in order, in this process. What they print goes to the run's log as usual; the notebook with
all outputs is kept in ``outputs/`` and is complete up to the last finished cell at any time.
"""

import json
import os
import sys
import traceback
from types import ModuleType

from trainshed.runtime.notebook_outputs import Recorder, Tee
from trainshed.runtime.notebook_shells import shell_for

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any


class Notebook:
    """A notebook and the outputs of its cells.

    Args:
        path: the file.

    Raises:
        SystemExit: it is not a notebook that can be run; the message says why.
    """

    def __init__(self, path: str) -> None:
        self.name = os.path.basename(path)
        try:
            with open(path, "rb") as file:
                self._content: "dict[str, Any]" = json.loads(file.read().decode("utf-8-sig"))
            cells = self._content["cells"]
            self.cells: "list[dict[str, Any]]" = [cell for cell in cells if cell["cell_type"] == "code"]
            self.sources = ["".join(cell["source"]) for cell in self.cells]
        except FileNotFoundError:
            raise SystemExit(f"There is no notebook '{path}' in the source folder.") from None
        except (ValueError, KeyError, TypeError):
            raise SystemExit(f"'{path}' is not a notebook of format 4. Save it with a current Jupyter.") from None
        metadata = self._content.get("metadata", {})
        language = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name")
        if language and language.lower() != "python":
            raise SystemExit(f"'{path}' is a notebook for {language}; only notebooks for Python can be run.")
        self._kept = os.path.abspath(os.path.join("outputs", self.name))
        for cell in self.cells:  # results of an earlier execution must not be taken for this one's
            cell.update(outputs=[], execution_count=None)

    def save(self) -> None:
        """Write the notebook with its outputs so far."""
        os.makedirs(os.path.dirname(self._kept), exist_ok=True)
        part = f"{self._kept}.part"
        with open(part, "w", encoding="utf-8") as file:
            json.dump(self._content, file, indent=1, default=str)
        os.replace(part, self._kept)


def _explained(error: BaseException, module: ModuleType, where: str) -> "list[str]":
    """Return the traceback from the cell on, whose last line names the cell."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals is not vars(module):
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    if trace is not None:
        first, newline, more = lines[-1].partition("\n")
        place = f"{where}, line {trace.tb_lineno}"
        lines[-1] = (f"{first} ({place})" if ": " in first else f"{first}: in {place}") + newline + more
    return lines


def _run(notebook: Notebook) -> "int | str | None":
    """Execute all cells, and return the status with which Python is to exit."""
    module = sys.modules["__main__"] = ModuleType("__main__")
    recorder = Recorder()
    shell = shell_for(notebook.name, module, recorder, notebook.sources)
    log = sys.stderr
    sys.stdout, sys.stderr = Tee(sys.stdout, "stdout", recorder), Tee(log, "stderr", recorder)
    number = 0
    for cell, source in zip(notebook.cells, notebook.sources):
        if not source.strip():
            continue
        number += 1
        cell["execution_count"] = number
        recorder.begin(cell)
        error: "BaseException | None" = shell.run(source, number)
        if error is not None and not isinstance(error, SystemExit):
            lines = _explained(error, module, f"cell {number} of {notebook.name}")
            recorder.failed(error, lines)
            log.write(f"Cell {number} of {notebook.name} failed; outputs/{notebook.name} has the outputs so far.\n")
            log.write("".join(lines))
        notebook.save()
        if error is not None:
            return error.code if isinstance(error, SystemExit) else 1
    return 0


def main() -> None:
    """Run the notebook that the command line names."""
    path = sys.argv[1]
    notebook = Notebook(path)
    sys.argv = sys.argv[1:]
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    sys.exit(_run(notebook))


if __name__ == "__main__":
    main()
