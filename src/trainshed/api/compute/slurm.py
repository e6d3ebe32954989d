"""Slurm clusters: each run is a job in the queue of a cluster."""

from __future__ import annotations

import time as clock
from typing import TYPE_CHECKING, Any

from trainshed.api.compute.compute import ComputeTarget
from trainshed.client.http import quoted
from trainshed.errors import UserErrorException
from trainshed.spec.checks import is_name
from trainshed.spec.slurm import SLOTS, check_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainshed.api.protocols import WorkspaceLike


class SlurmCompute(ComputeTarget, kind="slurm"):
    """A Slurm cluster (ours). Each run is a job in its queue, of as many nodes and processes as the run has.

    Example:
        >>> issubclass(SlurmCompute, ComputeTarget)
        True
    """

    @staticmethod
    def attach(  # type: ignore[override]
        workspace: WorkspaceLike,
        name: str,
        partition: str | None = None,
        via: str | None = None,
        *,
        time: str | int | None = None,
        account: str | None = None,
        qos: str | None = None,
        constraint: str | None = None,
        reservation: str | None = None,
        memory: str | None = None,
        cpus_per_task: int | None = None,
        gpu_type: str | None = None,
        mpi: str | None = None,
        exclusive: bool = False,
        notice_seconds: int | None = None,
        requeue: int | None = None,
        directives: Mapping[str, str | int | bool] | None = None,
        folder: str | None = None,
        shared: Sequence[str] | None = None,
        slots: int = SLOTS,
        poll_seconds: int | None = None,
    ) -> ComputeTarget:
        """Attach a Slurm cluster, or change the settings of an attached one. Slurm checks them at once.

        Args:
            workspace: workspace to attach it to.
            name: name of the target: letters, digits, ``-`` and ``_``.
            partition: Slurm's partition; its default one if None.
            via: login host of the cluster, as ``ssh`` knows it, if Slurm's commands are not on this machine. It is
                reached as :meth:`trainshed.SshCompute.attach` reaches hosts, and must need no password.
            time: time limit of each job: minutes, or a text such as ``"12:00:00"`` or ``"1-00:00:00"``.
            account: account to charge.
            qos: quality of service.
            constraint: features that nodes must have.
            reservation: reservation to use.
            memory: memory on each node, such as ``"16G"``.
            cpus_per_task: cores of each process. Default: the run's ``slots``, divided among its processes.
            gpu_type: kind of GPU for runs with ``use_gpu=True``, as in ``--gres=gpu:KIND:1``.
            mpi: have ``srun --mpi=…`` start the ranks of MPI, by one of the kinds that ``srun --mpi=list`` names, such
                as ``"pmix"``. Default: the ``mpirun`` of Open MPI, in the job.
            exclusive: share the nodes with no other job.
            notice_seconds: how long before the end of a job, at its time limit or when it is preempted, Slurm announces
                it: ``run.preempted`` is then true, and scripts that handle SIGTERM get it.
            requeue: how often a run whose job was preempted, or lost its node, is put back into Slurm's queue and tried
                again. Default: never.
            directives: further options of ``sbatch`` by their long names, such as ``{"mail-type": "END"}``; True stands
                for an option without a value.
            folder: absolute path of a folder that all nodes share, for run directories, environments and caches.
                Default: the folders of the workspace and of ``TRAINSHED_HOME``, which then have to be on such a file
                system.
            shared: folders that are the same on this machine, the login host and all nodes. Datastores in them are used
                in place, and nothing of them is sent.
            slots: how many slots of runs are in Slurm's queue at the same time; further runs wait in Trainshed's.
            poll_seconds: seconds between two calls of ``squeue``, which asks for all runs at once. Default: 3.

        Returns:
            The target.

        Raises:
            UserErrorException: a value cannot be right, Slurm cannot be reached, or it refuses such jobs.

        Example:
            >>> SlurmCompute.attach(ws, "cluster", "gpu", time="12:00:00", directives={"mem": "16G"})
            Traceback (most recent call last):
            trainshed.errors.UserErrorException: Directive 'mem' has a name of its own here: memory.
        """
        if not isinstance(name, str) or not is_name(name):
            raise UserErrorException(f"Invalid target name {name!r}. Use letters, digits, '-' and '_'.")
        options = {
            "partition": partition, "account": account, "qos": qos, "constraint": constraint, "memory": memory,
            "reservation": reservation, "cpus_per_task": cpus_per_task, "gpu_type": gpu_type, "slots": slots,
            "notice_seconds": notice_seconds, "requeue": requeue, "mpi": mpi,
            "time": str(time) if isinstance(time, int) else time, "exclusive": exclusive,
            "directives": dict(directives) if directives else None,
        }  # fmt: skip
        check_options(options)
        host = None if via is None else _host(via)
        now = clock.time()
        record: dict[str, Any] = {
            "host": host,
            "folder": folder,
            "shared": list(shared) if shared else None,
            "created": now,
            "modified": now,
            **options,
        }
        # Every setting, so that one that was given before and is not given now is taken back.
        body = {"kind": "slurm", **record, **({"poll_seconds": poll_seconds} if poll_seconds is not None else {})}
        made = workspace.connection.call("PUT", quoted("targets", name), body)
        return ComputeTarget(workspace, name, _record=made)

    @property
    def slots(self) -> int:
        """How many slots of runs are in Slurm's queue at the same time."""
        return int(self._record["slots"])

    def detach(self) -> None:
        """Remove the target from the workspace; nothing changes on the cluster.

        Raises:
            ComputeTargetException: it has unfinished runs.
        """
        self.delete()


def _host(via: object) -> str:
    if not isinstance(via, str) or not via or via.startswith("-") or not via.isprintable():
        raise UserErrorException(f"via is {via!r}; it must be the name of a login host, as ssh knows it.")
    return via
