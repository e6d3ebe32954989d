"""One service of its own: prints the milliseconds of a followed log, a download, an upload, a thousand metrics."""

import shutil
import sys
import time
from pathlib import Path

from trainshed import Datastore, Experiment, RunConfiguration, ScriptRunConfig, Workspace
from trainshed.client.follow import follow
from trainshed.client.stopping import stop

LOG = "azureml-logs/70_driver_log.txt"
SIZE = 1 << 30
SCRIPT = f"""
import os, sys
piece = b"x" * 99 + b"\\n"
piece *= 10486
for number in range({SIZE} // len(piece)): sys.stdout.buffer.write(piece)
sys.stdout.flush()
"""

work = Path(sys.argv[1])
(work / "source").mkdir(exist_ok=True)
(work / "source" / "train.py").write_text(SCRIPT)
(work / "data").mkdir(exist_ok=True)
if not (work / "data" / "big").exists():
    with (work / "data" / "big").open("wb") as file:
        for _ in range(1024):
            file.write(b"y" * (1 << 20))

ws = Workspace()
config = RunConfiguration()
config.environment.python.user_managed_dependencies = True
config.environment.python.interpreter_path = sys.executable
experiment = Experiment(ws, "door")
run = experiment.submit(ScriptRunConfig(str(work / "source"), "train.py", run_config=config))
run.wait_for_completion()

times = []
begin = time.perf_counter()
size = sum(len(piece) for piece in follow(ws.connection, run.id, LOG))
times.append(time.perf_counter() - begin)
assert size > 0.99 * SIZE, size

begin = time.perf_counter()
run.download_file(LOG, str(work / "got"))
times.append(time.perf_counter() - begin)
(work / "got").unlink()

store = Datastore.get_default(ws)
with (work / "half").open("wb") as file:
    for _ in range(500):
        file.write(b"z" * (1 << 20))
begin = time.perf_counter()
store.upload_files([str(work / "half")], str(work), "up", overwrite=True, show_progress=False)
times.append(time.perf_counter() - begin)
(work / "half").unlink()

hand = experiment.start_logging(snapshot_directory=None)
begin = time.perf_counter()
for number in range(1000):
    hand.log("loss", number / 7)
assert len(hand.get_metrics()["loss"]) == 1000
times.append(time.perf_counter() - begin)
hand.complete()
ws.connection.close()
stop(str(ws.path))
shutil.rmtree(ws.path)
print(*(1000 * value for value in times))
