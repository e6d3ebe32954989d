"""What executes the cells of a notebook: IPython where the run's Python has it, else Python itself."""

import ast
import linecache
import os
import re

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from trainshed.runtime.notebook_outputs import Recorder

_SETTINGS = re.compile(r"^%(?:matplotlib inline|load_ext autoreload|autoreload \d)[ \t]*$", re.MULTILINE)
"""Commands without which a notebook does the same here."""
_COMMAND = re.compile(r"^[ \t]*([%!][^\n]*)", re.MULTILINE)


def shell_for(name: str, module: "ModuleType", recorder: "Recorder", sources: "list[str]") -> "Any":
    """Return an object whose method ``run(source, number)`` executes a cell and returns the error that ended it.

    Args:
        name: name of the notebook.
        module: the module ``__main__`` in which the cells are executed.
        recorder: receives what the cells show.
        sources: all code cells.

    Raises:
        SystemExit: a cell needs IPython, which this Python does not have.
    """
    try:
        import IPython  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
    except ImportError:
        shell = PlainShell(name, module, recorder)
        shell.check(sources)
        return shell
    return _IPythonShell(name, module, recorder)


class PlainShell:
    """Executes cells without IPython. See :func:`shell_for`."""

    def __init__(self, name: str, module: "ModuleType", recorder: "Recorder") -> None:
        self._name, self._recorder = name, recorder
        self._names = vars(module)
        self._names["display"] = self._display

    def check(self, sources: "list[str]") -> None:
        """Raise if a cell has a command of IPython.

        Raises:
            SystemExit: it has; the message names the cell.
        """
        for number, source in enumerate((source for source in sources if source.strip()), 1):
            try:
                ast.parse(_SETTINGS.sub("pass", source))
            except SyntaxError:
                command = _COMMAND.search(source)
                if command is not None:
                    raise SystemExit(
                        f"Cell {number} of {self._name} has the command '{command.group(1).strip()}', which needs "
                        "IPython. Install ipython in the run's Python, or remove the command."
                    ) from None

    def run(self, source: str, number: int) -> "BaseException | None":
        """Execute a cell."""
        source, file = _SETTINGS.sub("pass", source), f"{self._name}, cell {number}"
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        try:
            tree = ast.parse(source, file)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, file, "exec"), self._names)  # noqa: S102 - the user's program
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), file, "eval"), self._names)  # noqa: S307
                if value is not None and not source.rstrip().endswith(";"):
                    self._names["_"] = value
                    self._recorder.shown({"text/plain": repr(value)}, None, number)
        except BaseException as error:  # noqa: BLE001 - whatever ends the user's program
            return error
        return None

    def _display(self, *values: object, **_: object) -> None:
        for value in values:
            self._recorder.shown({"text/plain": repr(value)}, None)


class _IPythonShell:
    """Executes cells with IPython. See :func:`shell_for`."""

    def __init__(self, name: str, module: "ModuleType", recorder: "Recorder") -> None:
        import tempfile
        import warnings

        os.environ.setdefault("MPLBACKEND", _backend())
        # Not the user's own folder, in which there may be a profile and a history.
        self._folder = tempfile.TemporaryDirectory(prefix="ipython-")
        warnings.filterwarnings("ignore", "To exit: use")
        kind, config = _classes(name, recorder)
        self._shell = kind.instance(user_module=module, ipython_dir=self._folder.name, config=config)

    def run(self, source: str, number: int) -> "BaseException | None":
        """Execute a cell."""
        result = self._shell.run_cell(source, store_history=True)
        error: "BaseException | None" = result.error_before_exec or result.error_in_exec
        return error


def _backend() -> str:
    from importlib.util import find_spec

    return "module://matplotlib_inline.backend_inline" if find_spec("matplotlib_inline") else "Agg"


def _classes(name: str, recorder: "Recorder") -> "tuple[Any, Any]":
    """Return the class of IPython's shell whose outputs go to the recorder, and its configuration."""
    from IPython.core.compilerop import CachingCompiler
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Type
    from traitlets.config import Config

    class Compiler(CachingCompiler):  # type: ignore[misc, unused-ignore]
        def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
            return f"{name}, cell {number}"

    class Hook(DisplayHook):  # type: ignore[misc, unused-ignore]
        def write_output_prompt(self) -> None:
            pass

        def write_format_data(self, format_dict: "Any", md_dict: "Any" = None) -> None:
            recorder.shown(format_dict, md_dict, self.prompt_count)

        def finish_displayhook(self) -> None:
            pass

    class Publisher(DisplayPublisher):  # type: ignore[misc, unused-ignore]
        def publish(self, data: "Any", metadata: "Any" = None, *_: object, **__: object) -> None:
            recorder.shown(data, metadata)

        def clear_output(self, wait: bool = False) -> None:
            recorder.clear()

    class Shell(InteractiveShell):  # type: ignore[misc, unused-ignore]
        displayhook_class, display_pub_class, compiler_class = Type(Hook), Type(Publisher), Type(Compiler)

        def showtraceback(self, *_: object, **__: object) -> None:
            pass  # main() shows it

        showsyntaxerror = showindentationerror = showtraceback

        def enable_gui(self, gui: "Any" = None) -> None:
            pass  # there is no window to open

        def enable_matplotlib(self, gui: "Any" = None) -> "Any":
            # Without matplotlib_inline, as under Python 3.6, figures cannot be kept; plotting goes on.
            return (gui, "agg") if os.environ["MPLBACKEND"] == "Agg" else super().enable_matplotlib(gui)  # type: ignore[no-untyped-call, unused-ignore]

    config = Config()
    config.HistoryManager.enabled = False
    return Shell, config
