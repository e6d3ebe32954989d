"""Program ``trainshed``."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from trainshed.errors import ServiceException, TrainshedError

USER_ERROR = 2
FAILED = 1
BROKEN_PIPE = 141
INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments after the program's name; None: the process's own.

    Returns:
        Exit code: 0; 2 for a mistake in what was asked; 1 for anything else that went wrong; ``wait`` and
        ``submit --follow`` return the run's own.
    """
    from trainshed.cli.parser import parse

    words = sys.argv[1:] if argv is None else argv
    try:
        options = parse(words)
        module, _, function = options.run.partition(":")
        code = int(getattr(import_module(f"trainshed.cli.{module}"), function)(options))
        sys.stdout.flush()
    except TrainshedError as error:
        _say(error, "--json" in words[: words.index("--") if "--" in words else None])
        return FAILED if isinstance(error, ServiceException) else USER_ERROR
    except TypeError as error:
        if "has no parameter" not in str(error):
            raise
        print(f"trainshed: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has had enough; Python would complain once more when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


def _say(error: TrainshedError, as_json: bool) -> None:
    if as_json:
        import json

        shown = {"type": type(error).__name__, "message": error.message, "details": error.details}
        print(json.dumps({"error": shown}), file=sys.stderr)
    else:
        print(f"trainshed: {error.message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
