"""Install packages into the environment of this Python, with uv, set as the user's pip is.

    python tools/install.py -e . --group dev

Run by the Makefile before Trainshed itself is installed, so it finds its help in the source tree.
"""

import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src"
sys.path.insert(0, str(SOURCE))

from trainshed.environments.pip_settings import for_uv  # noqa: E402

uv = Path(sys.executable).parent / "uv"
argv = [str(uv), "pip", "install", "-q", "--python", sys.executable, *sys.argv[1:]]
sys.exit(subprocess.run(argv, env={**os.environ, **for_uv(os.environ)}, check=False).returncode)
