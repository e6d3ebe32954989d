"""Program ``trainshed``."""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module

from trainshed.errors import TYPE_CHECKING, ServiceException, TrainshedError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable
    from typing import Any

USER_ERROR = 2
FAILED = 1
BROKEN_PIPE = 141
INTERRUPTED = 130
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\r\t"}


class _Shown:
    """An output on which control characters are printed as escapes: names and messages may be a script's.

    Logs are written to its ``buffer``, as they are.

    Args:
        stream: the output.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return int(self._stream.write(text if text.isascii() and text.isprintable() else text.translate(_ESCAPES)))

    def paint(self, text: str, colour: int) -> None:
        """Write a text in one of a terminal's colours.

        Args:
            text: the text.
            colour: its code in ANSI's sequences.
        """
        self._stream.write(f"\x1b[{colour}m")
        self.write(text)
        self._stream.write("\x1b[0m")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments after the program's name; the default is those of the process.

    Returns:
        The exit code: 0 for success, 2 for a usage error, 1 for any other error; ``wait`` and ``submit --follow``
        return the exit code of the run.
    """
    from trainshed.cli.parser import parse

    if "_ARGCOMPLETE" in os.environ:  # a shell asks how a line could go on
        from trainshed.cli.completion import complete
        from trainshed.cli.parser import parser

        complete(parser())
    words = sys.argv[1:] if argv is None else argv
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_Shown, streams)
    try:
        return _run(words, parse)
    finally:
        sys.stdout, sys.stderr = streams


def _run(words: list[str], parse: Callable[[list[str]], Namespace]) -> int:
    try:
        options = parse(words)
        module, _, function = options.run.partition(":")
        code = int(getattr(import_module(f"trainshed.cli.{module}"), function)(options))
        sys.stdout.flush()
    except TrainshedError as error:
        _say(error, words)
        return FAILED if isinstance(error, ServiceException) else USER_ERROR
    except TypeError as error:
        if "has no parameter" not in str(error):
            raise
        print(f"trainshed: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader closed the pipe (`| head`). Without this, Python would report it again on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:  # a file named by the user, or a full disk
        _say(TrainshedError(f"{error.filename or 'The output'}: {error.strerror or error}."), words)
        return FAILED
    return code


_IN_PYTHON = (
    (r"Workspace\.create\('(.*)'\)", r"trainshed --workspace ./\1 submit DIR"),
    (r"Workspace\(path='(.*)'\)", r"trainshed --workspace \1 submit DIR"),
    (r"Workspace\.write_config\(\) writes one", "Or choose a workspace: --workspace NAME|PATH"),
    (r"ComputeTarget\(ws, '(.*?)'\)\.update\(max_nodes=(.*?)\)", r"trainshed target \1 --nodes \2"),
    (
        r"ComputeTarget\.create\(ws, '(.*?)', AmlCompute\.provisioning_configuration\(max_nodes=(.*?)\)\)",
        r"trainshed target \1 --nodes \2",
    ),
    (r"as max_total_runs\b", "with --runs"),
    (r"as environment_variables\b", "with -e NAME=VALUE"),
    (r"\buser_managed(=True)?", "--use-python"),
    (r"\bpip_packages\b", "-p"),
    (r"\bconda_packages\b", "-c"),
    (r"\bpip_requirements_file\b", "-r"),
    (r"\bconda_dependencies_file\b", "--conda-file"),
    (r"\bcustom_docker_image\b", "--image"),
    (r"\bcompute_target\b", "--target"),
    (r"\benvironment_variables\b", "-e"),
    (r"\bnode_count\b", "--nodes"),
    (r"\bentry_script\b", "--script"),
    (r"\buse_gpu(=True)?", "--gpu"),
)
"""Python expressions that errors of the API suggest, and what to type on the command line instead."""


def _say(error: TrainshedError, words: list[str]) -> None:
    message = error.message
    for python, typed in _IN_PYTHON:
        message = re.sub(python, typed, message)
    if "--json" in words[: words.index("--") if "--" in words else None]:
        import json

        shown = {"type": type(error).__name__, "message": message, "details": error.details}
        print(json.dumps({"error": shown}), file=sys.stderr)
    else:
        print(f"trainshed: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
