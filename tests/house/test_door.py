"""No client opens the service's folders: what is held, typed or shown never makes a path in them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "trainshed"
CLIENTS = sorted(
    path for room in ("api", "cli", "integrations", "tensorboard", "widgets") for path in (SOURCE / room).rglob("*.py")
)
NAMES_OF_THE_API = {"BUILD_LOG", "DRIVER_LOG", "MPI_LOG", "STD_LOG", "USER_LOG", "is_event_file", "logs_of"}
"""What of ``layout`` names files as users do; the rest says where they lie."""
FOLDERS = re.compile(r"\b(?:workspace|ws|where|store|datastore|each)\.(?:path|folder|runs|root|identity)\b|\b_root\b")
LOCAL = re.compile(r"os\.listdir|os\.scandir|os\.walk|os\.path\.(?:join|exists|isfile|isdir)|open|shutil\.\w+")
REMOVED_WHOLE = "shutil.rmtree(self.path)"
"""A workspace of this machine is deleted with its folder, once its service has been stopped."""


def offences(text: str) -> list[str]:
    """Return the expressions in which a client makes or opens a path in a folder of the service's."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            args = [*node.args, *(each.value for each in node.keywords)]
            if LOCAL.fullmatch(ast.unparse(node.func)) and any(_is_folder(each) for each in args):
                found.append(ast.unparse(node))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Add)) and _is_folder(node.left):
            found.append(ast.unparse(node))
        elif isinstance(node, ast.JoinedStr):
            inside = [each.value for each in node.values if isinstance(each, ast.FormattedValue)]
            after = [each.value for each in node.values if isinstance(each, ast.Constant)]
            if any(_is_folder(each) for each in inside) and any(str(each).startswith("/") for each in after):
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "layout":
            found += [] if node.attr in NAMES_OF_THE_API else [ast.unparse(node)]
    return [each for each in found if each != REMOVED_WHOLE]


def _is_folder(node: ast.expr) -> bool:
    return bool(FOLDERS.search(ast.unparse(node))) or ast.unparse(node) == "self.path"


@pytest.mark.parametrize("path", CLIENTS, ids=lambda path: str(path.relative_to(SOURCE)))
def test_clients_make_no_path_in_the_services_folders(path: Path) -> None:
    assert offences(path.read_text()) == []


@pytest.mark.parametrize(
    "code",
    [
        "open(os.path.join(run.experiment.workspace.path, 'runs', run.id))",
        "x = ws.path / 'runs'",
        "name = f'{workspace.path}/runs/{run.id}'",
        "name = str(workspace.path) + '/runs'",
        "os.listdir(self._root)",
        "os.path.exists(store.folder)",
        "os.path.join(folder, layout.JOURNAL)",
        "place = layout.place_of('outputs/x')",
        "shutil.copy(self._root, target)",
    ],
)
def test_one_that_did_would_be_found(code: str) -> None:
    assert offences(code)
