"""Program: supervise a run's processes inside its container. ``python container_init.py ORDER``.

It is the container's first process and does what the shim does without a container: it starts the script, or the
program that starts all ranks, waits for their ends, ends them on SIGTERM with the grace period, and leaves no process
behind. What the shim needs to know is written beside ``ORDER``.
"""

import os
import sys


def run(path: str) -> int:
    """Start what an order file says, wait until it ends, and record how it ended.

    Args:
        path: the order file, as :meth:`trainshed.node.run_container.RunContainer.start` writes it.

    Returns:
        The exit code for the container.
    """
    from trainshed.node import fields, script
    from trainshed.node.layers import merge
    from trainshed.node.mlflow_door import DoorApart
    from trainshed.node.rank_events import RankEvents
    from trainshed.node.resources import GpuSampler, Sampler
    from trainshed.system import process

    order = fields.read(path)
    if os.getpid() != 1:
        process.become_subreaper()  # the user lets the container share the machine's process namespace
    environ = merge(os.environ, fields.variables(order.get("variable", [])))
    # The first process of a container inherits all orphans. The marker spares what answers MLflow's clients.
    watch = script.Watch(f"TRAINSHED_RUN_ID={environ['TRAINSHED_RUN_ID']}" if "door" in order else "")
    # The request to cancel may be older than this process, which then has received no signal.
    watch.cancelled = os.path.exists(order["cancel"][0])
    if "ranks" in order:
        watch.listen(RankEvents(order["ranks"][0]))
    if "door" in order:
        door = DoorApart(environ)
        environ.update(door.variables)
        watch.guard(door, door.serve)
    pids = []
    error = ""
    try:
        if not watch.cancelled:
            pids.append(script.start(tuple(order["argument"]), environ, order["folder"][0], order["log"][0]))
    except OSError as failure:
        error = str(failure.strerror or failure)
    gpus = order.get("gpu")
    node = order.get("node", [""])[0]
    sampler = Sampler(os.path.dirname(path), GpuSampler(gpus, watch.costs) if gpus else None, node)
    result = script.wait(watch, pids, None, float(order["grace"][0]), sampler=sampler)
    oom = "yes" if _out_of_memory() else "no"
    how = [("leftovers", str(result.leftovers)), ("error", error), ("oom", oom)]
    how += [("code", str(result.code))] if result.code is not None else []
    how += [("number", str(result.number))] if result.number is not None else []
    fields.write(f"{path}.end", how)
    return result.code or 0


def _out_of_memory() -> bool:
    """Tell whether the kernel has killed a process here because the container exceeded its memory limit."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            with open(path, encoding="ascii") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        return any(line.startswith("oom_kill ") and line != "oom_kill 0" for line in lines)
    return False


if __name__ == "__main__":
    # The package's folder replaces this script's folder on the path.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    os._exit(run(sys.argv[1]))
