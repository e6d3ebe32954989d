"""The outputs of a notebook's cells."""

import sys

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any

_MOST_TEXT = 1 << 20
"""Characters that are kept of what one cell prints; the run's log has everything."""
_CUT = "\n[More was printed; it is in the log of the run.]\n"


class Recorder:
    """Keeps the outputs of the current cell in the format of notebooks, and shows them in the log."""

    def __init__(self) -> None:
        self._outputs: "list[dict[str, Any]]" = []
        self._size = 0
        self._log = sys.stdout

    def begin(self, cell: "dict[str, Any]") -> None:
        """Keep what follows as outputs of a cell."""
        self._outputs, self._size = cell["outputs"], 0

    def text(self, name: str, text: str) -> None:
        """Keep text that was printed.

        Args:
            name: ``"stdout"`` or ``"stderr"``.
            text: the text.
        """
        if self._size > _MOST_TEXT or not text:
            return
        self._size += len(text)
        last = self._outputs[-1] if self._outputs else {}
        if last.get("name") != name:
            last = {"output_type": "stream", "name": name, "text": []}
            self._outputs.append(last)
        last["text"].append(text[:_MOST_TEXT] if self._size <= _MOST_TEXT else text[: _MOST_TEXT // 10] + _CUT)

    def shown(self, data: "dict[str, Any]", metadata: "dict[str, Any] | None", number: "int | None" = None) -> None:
        """Keep something shown.

        Args:
            data: MIME type → content.
            metadata: more about it.
            number: number of the cell if it is the cell's value.
        """
        if "text/plain" in data:
            self._log.write(f"{data['text/plain']}\n")
            self._log.flush()
        output: "dict[str, Any]" = {"output_type": "display_data", "data": _jsonable(data), "metadata": metadata or {}}
        if number is not None:
            output.update(output_type="execute_result", execution_count=number)
        self._outputs.append(output)

    def clear(self) -> None:
        """Forget the outputs of the cell so far, as ``clear_output`` does."""
        del self._outputs[:]

    def failed(self, error: BaseException, lines: "list[str]") -> None:
        """Keep the error with which the cell ended."""
        value, rows = str(error), "".join(lines).splitlines()
        self._outputs.append(
            {"output_type": "error", "ename": type(error).__name__, "evalue": value, "traceback": rows}
        )


def _jsonable(data: "dict[str, Any]") -> "dict[str, Any]":
    """Return contents with images in base64, as notebooks have them."""
    from base64 import b64encode

    return {kind: b64encode(value).decode() if isinstance(value, bytes) else value for kind, value in data.items()}


class Tee:
    """Standard output or error of which a copy is kept."""

    def __init__(self, stream: "Any", name: str, recorder: Recorder) -> None:
        self._stream, self._name, self._recorder = stream, name, recorder

    def write(self, text: str) -> int:
        """Write and keep text."""
        self._recorder.text(self._name, text)
        written: int = self._stream.write(text)
        return written

    def writelines(self, lines: "list[str]") -> None:
        """Write and keep lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._stream, name)
