"""Program: carry out a machine's verbs for a service elsewhere. ``python serve.py HOME WORKSPACE``.

It speaks frames over its standard input and output, and ends when its input does: nothing of ours stays on the machine
but shims, which the next agent finds again by their run directories.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Tuple

if __name__ == "__main__":
    # The folder of the package takes the place of the folder of this script.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from trainshed.errors import ServiceException, TrainshedError
from trainshed.machines import frames
from trainshed.machines.agent import Agent
from trainshed.machines.tunnel import ScriptLines, Tunnel
from trainshed.system import ownership

_AT_ONCE = 8
_PLAIN = frozenset({
    "run", "run_names", "collect", "prepare", "lay_out", "allow", "tell", "start", "end", "files", "missing", "install",
    "put_tree", "remove",
})  # fmt: skip
"""Verbs whose arguments and answers are JSON as they are."""
_Answer = Tuple[Any, bytes]


class Server:
    """Reads requests, has the agent carry them out, and writes the answers as they come.

    Args:
        home: Trainshed's home on this machine.
        workspace: name of the workspace's folder below it.
        fds: descriptors to read from and to write to.
    """

    def __init__(self, home: str, workspace: str, fds: tuple[int, int]) -> None:
        self._input, self._output = fds
        self._lock = threading.Lock()
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        runtime = os.path.join(os.path.dirname(package), "runtime")
        root = os.path.join(home, "workspaces", workspace)
        os.makedirs(root, mode=0o700, exist_ok=True)
        self._agent = Agent(root, {"home": home, "runtime": runtime, "sites": []}, self.ended)
        # Below the home, since the path of a socket has at most a hundred characters.
        api = os.path.join(home, f"api-{zlib.crc32(workspace.encode()):08x}.sock")
        self._tunnel = Tunnel(api, self._say, self.ended)
        self._calls: dict[int, ScriptLines] = {}
        self._facts = {**self._agent.facts(), "service": f"unix:{api}"}
        self._verbs: dict[str, Callable[[dict[str, Any], bytes], _Answer]] = {
            "appended": self._appended,
            "read": self._read,
            "put": self._put,
            "extend": self._extend,
            "tunnel": self._to_script,
            "call": self._to_program,
            "look": lambda args, _: ({run: list(seen) for run, seen in self._agent.look(**args).items()}, b""),
        }

    def serve(self) -> None:
        """Answer until the input ends."""
        self._say({"hello": self._facts})
        with contextlib.ExitStack() as pools:
            pool = pools.enter_context(ThreadPoolExecutor(_AT_ONCE))
            in_order = {verb: pools.enter_context(ThreadPoolExecutor(1)) for verb in ("put", "tunnel", "call")}
            while True:
                try:
                    head, body = frames.read(self._input)
                except frames.BrokenStream:
                    break
                in_order.get(head["verb"], pool).submit(self._answer, head, body)
        self._tunnel.close()
        for lines in self._calls.values():
            lines.close()
        self._agent.close()

    def ended(self, run_id: str) -> None:
        """Tell the service that a shim has ended, or that there is other news of its run."""
        self._say({"ended": run_id})

    def _answer(self, head: dict[str, Any], body: bytes) -> None:
        try:
            made, data = self._carried_out(head["verb"], head["args"], body)
            self._say({"id": head["id"], "ok": made}, data)
        except TrainshedError as error:
            told = {"type": type(error).__name__, "message": error.message, "details": error.details}
            self._say({"id": head["id"], "error": told})
        except OSError as error:
            message = (
                f"The machine's folders cannot be used: {error}. Mend that on {self._facts['host']} and submit again."
            )
            self._say({"id": head["id"], "error": {"type": "ServiceException", "message": message, "details": {}}})
        except Exception as error:  # noqa: BLE001 - the agent must answer, whatever goes wrong
            message = f"The agent on that machine had an internal error: {type(error).__name__}: {error}"
            self._say({"id": head["id"], "error": {"type": "InternalException", "message": message, "details": {}}})

    def _carried_out(self, verb: str, args: dict[str, Any], body: bytes) -> _Answer:
        if verb in _PLAIN:
            return getattr(self._agent, verb)(**args), b""
        if verb not in self._verbs:
            raise ServiceException(
                f"The agent does not know the command {verb!r}; its release differs from the service's."
            )
        return self._verbs[verb](args, body)

    def _say(self, head: dict[str, Any], body: bytes = b"") -> None:
        with self._lock:
            try:
                frames.write(self._output, head, body)
            except frames.BrokenStream:
                return  # the input ends too, and with it the agent

    def _appended(self, args: dict[str, Any], _: bytes) -> _Answer:
        told = self._agent.appended(args["offsets"])
        return frames.joined([(run, path, data) for run, files in told.items() for path, data in files.items()])

    def _read(self, args: dict[str, Any], _: bytes) -> _Answer:
        pieces = self._agent.read(**args)
        return [len(piece) for piece in pieces], b"".join(pieces)

    def _to_script(self, args: dict[str, Any], body: bytes) -> _Answer:
        self._tunnel.take(args, body)
        return None, b""

    def _to_program(self, args: dict[str, Any], body: bytes) -> _Answer:
        port = args["port"]
        if port not in self._calls:
            self._calls[port] = ScriptLines(
                ("127.0.0.1", port), lambda head, piece: self._say({**head, "port": port}, piece)
            )
        self._calls[port].take(args["line"], body)
        return None, b""

    def _extend(self, args: dict[str, Any], body: bytes) -> _Answer:
        start, pieces = 0, []
        for path, offset, size in args.pop("pieces"):
            pieces.append((path, offset, body[start : start + size]))
            start += size
        self._agent.extend(pieces=pieces, **args)
        return None, b""

    def _put(self, args: dict[str, Any], body: bytes) -> _Answer:
        start = 0
        for sha, offset, size, last in args["pieces"]:
            self._agent.put_piece(sha, offset, body[start : start + size])
            start += size
            if last:
                self._agent.put_end(sha)
        return None, b""


def main() -> int:
    """Serve until the service hangs up."""
    home, workspace = sys.argv[1:]
    # Anything that prints would speak between the frames.
    fds = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    # The Python that runs this comes last: it may have been brought because the machine has no other.
    path = os.path.join(home, "tools"), os.environ.get("PATH", os.defpath), os.path.dirname(sys.executable)
    os.environ["PATH"] = os.pathsep.join(path)
    why = ownership.trouble(home) or ownership.trouble(os.path.join(home, "workspaces", workspace))
    if why:
        sys.stderr.write(f"{why}\n")
        return 1
    try:
        os.utime(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # it is in use
        Server(home, workspace, fds).serve()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
