"""The same with submitit; a third argument has it use Slurm."""

import os
import sys
import time

import submitit

os.chdir(sys.argv[1])
kind = submitit.SlurmExecutor if sys.argv[3:] else submitit.LocalExecutor
executor = kind(folder=sys.argv[2] + ".submitit")
executor.submit(submitit.helpers.CommandFunction([sys.executable, "train.py", sys.argv[2]], verbose=False)).result()
with open(sys.argv[2], "a") as file:
    file.write(f"seen {time.time()!r}\n")
