"""Draw docs/terminal.svg: what a terminal shows of the commands below, run for real in a new home.

python tools/terminal_picture.py docs/terminal.svg
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

SCRIPT = """import argparse, json
from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
alpha = parser.parse_args().alpha
run = Run.get_context()
for epoch in range(3):
    run.log("loss", round(alpha / (epoch + 1), 3))
    print(f"epoch {epoch}: loss {alpha / (epoch + 1):.3f}")
json.dump({"alpha": alpha}, open("outputs/model.json", "w"))
"""
COMMANDS = (
    "trainshed submit train.py --follow -- --alpha 0.8",
    "trainshed metrics @last",
    "trainshed files @last",
    "trainshed get @last outputs/model.json -o -",
)
SIZE, LINE, LEFT, COLUMN = 14, 20, 16, 8.45
_FOLDERS = re.compile(r"/\S*/(?=(?:python|bin)\S*)")


def shown(command: str, folder: str) -> list[str]:
    """Run a command and return the lines a terminal shows, the command first."""
    env = {**os.environ, "TRAINSHED_HOME": f"{folder}/home", "TRAINSHED_IDLE_SECONDS": "30"}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    output = subprocess.run(
        command.split(), cwd=f"{folder}/my-project", env=env, capture_output=True, text=True, check=True
    ).stdout
    # Where things lie on the machine on which it is drawn says nothing to anybody.
    return [f"$ {command}", *(_FOLDERS.sub("", line)[:100] for line in output.splitlines()), ""]


def picture(lines: list[str]) -> str:
    """Return the lines as a drawing."""
    width, height = int(LEFT * 2 + COLUMN * max(map(len, lines))), LINE * (len(lines) + 1)
    rows = [
        f'<text x="{LEFT}" y="{LINE * (place + 1)}" fill="{"#8ae234" if line.startswith("$ ") else "#eeeeec"}">'
        f"{escape(line)}</text>"
        for place, line in enumerate(lines)
        if line
    ]
    font = 'font-family="ui-monospace, Menlo, Consolas, monospace" xml:space="preserve"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-size="{SIZE}" {font}>'
    ground = '<rect width="100%" height="100%" rx="8" fill="#2e3436"/>'
    return "\n".join([head, ground, *rows, "</svg>", ""])


def main() -> None:
    """Draw it."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "my-project")
        project.mkdir()
        (project / "train.py").write_text(SCRIPT)
        lines = [line for command in COMMANDS for line in shown(command, folder)]
        shown("trainshed service stop", folder)
    Path(sys.argv[1]).write_text(picture(lines[:-1]))


if __name__ == "__main__":
    main()
