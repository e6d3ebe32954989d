"""What a service does, for tests that may run under a Python that is too old for one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PYTHON = os.environ.get("TRAINSHED_TEST_SERVICE_PYTHON", sys.executable)
"""A Python that a service can run under."""
_ASSEMBLE = """
import sys
from pathlib import Path
from trainshed.service.script_tree import assemble

print(assemble(Path(sys.argv[1])))
"""


def assemble(into: Path) -> Path:
    """Lay out the tree that is put on a script's PYTHONPATH; return where."""
    if sys.version_info < (3, 10):
        argv = [PYTHON, "-c", _ASSEMBLE, str(into)]
        return Path(subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout.strip())
    from trainshed.service import script_tree

    return script_tree.assemble(into)
