"""Start the script in a job of Slurm with torchx. Arguments: project folder, mark file, ``slurm``.

Without accounting torchx starts the job, fails as it asks for its state, and cannot tell its end: the mark file is
looked at for that.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

folder, mark, scheduler = sys.argv[1:]
torchx = Path(sys.executable).with_name("torchx")
with tempfile.TemporaryDirectory() as scratch:
    settings = f"partition=main,job_dir={scratch}/job"
    start = [torchx, "run", "-s", scheduler, "-cfg", settings, "utils.sh", sys.executable, f"{folder}/train.py", mark]
    subprocess.run(start, cwd=scratch, check=False)
    while not (Path(mark).exists() and "last" in Path(mark).read_text()):
        time.sleep(0.005)
