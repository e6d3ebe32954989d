"""The same with PSI/J; a third argument has it use Slurm."""

import sys
import time

from psij import Job, JobExecutor, JobSpec

job = Job(JobSpec(executable=sys.executable, arguments=["train.py", sys.argv[2]], directory=sys.argv[1]))
JobExecutor.get_instance("slurm" if sys.argv[3:] else "local").submit(job)
job.wait()
with open(sys.argv[2], "a") as file:
    file.write(f"seen {time.time()!r}\n")
