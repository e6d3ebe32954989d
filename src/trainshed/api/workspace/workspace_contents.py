"""What a workspace has, as dicts that may also be called: 2018 had methods where later releases had properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainshed.api.workspace.callable_dict import CallableDict

if TYPE_CHECKING:
    from trainshed.api.compute.compute import ComputeTarget
    from trainshed.api.configuration.environment import Environment
    from trainshed.api.data.dataset import Dataset
    from trainshed.api.data.datastore import Datastore
    from trainshed.api.data.model import Model
    from trainshed.api.runs.experiment import Experiment
    from trainshed.api.runs.run import Run
    from trainshed.api.workspace.keyvault import Keyvault


class WorkspaceContents:
    """Lists and look-ups; each module is imported when it is asked for."""

    @property
    def datastores(self: Any) -> CallableDict[Datastore]:
        """Name → datastore."""
        from trainshed.api.data.datastore import Datastore

        return CallableDict({each.name: each for each in Datastore._all(self)})

    def get_default_datastore(self: Any) -> Datastore:
        """Return the datastore on which data lies unless said otherwise."""
        from trainshed.api.data.datastore import Datastore

        return Datastore.get_default(self)

    @property
    def compute_targets(self: Any) -> CallableDict[ComputeTarget]:
        """Name → compute target."""
        from trainshed.api.compute.compute import ComputeTarget

        return CallableDict({target.name: target for target in ComputeTarget.list(self)})

    @property
    def experiments(self: Any) -> CallableDict[Experiment]:
        """Name → experiment."""
        from trainshed.api.runs.experiment import Experiment

        return CallableDict({each.name: each for each in Experiment.list(self)})

    def get_run(self: Any, run_id: str) -> Run:
        """Return a run of any experiment.

        Args:
            run_id: its id.

        Raises:
            NotFoundException: no such run; the sentence names the nearest.
        """
        from trainshed.api.runs.experiment import Experiment

        return Experiment._attach(self, run_id)

    def set_default_datastore(self: Any, name: str) -> None:
        """Choose the datastore on which data lies unless said otherwise.

        Args:
            name: its name.

        Raises:
            NotFoundException: no such datastore.
        """
        from trainshed.api.data.datastore import Datastore

        Datastore(self, name).set_as_default()

    def get_default_compute_target(self: Any, type: str) -> ComputeTarget | None:
        """Return the workspace's cluster of a kind, or None if there is none.

        Args:
            type: ``"CPU"`` (the cluster named ``"cpu-cluster"``) or ``"GPU"`` (``"gpu-cluster"``).

        Raises:
            ValueError: another kind.
        """
        names = {"CPU": self.DEFAULT_CPU_CLUSTER_NAME, "GPU": self.DEFAULT_GPU_CLUSTER_NAME}
        if str(type).upper() not in names:
            raise ValueError(f"The kind of a compute target is 'CPU' or 'GPU', not {type!r}.")
        found: ComputeTarget | None = self.compute_targets.get(names[type.upper()])
        return found

    def get_default_keyvault(self: Any) -> Keyvault:
        """Return the secrets of the workspace."""
        from trainshed.api.workspace.keyvault import Keyvault

        return Keyvault(self)

    @property
    def environments(self: Any) -> CallableDict[Environment]:
        """Name → newest version of each environment that was registered."""
        from trainshed.api.configuration.environment import Environment

        return CallableDict(Environment.list(self))

    @property
    def models(self: Any) -> CallableDict[Model]:
        """Name → newest version of each model."""
        from trainshed.api.data.model import Model

        return CallableDict({each.name: each for each in Model.list(self, latest=True)})

    @property
    def datasets(self: Any) -> CallableDict[Dataset]:
        """Name → newest version of each dataset."""
        from trainshed.api.data.dataset import Dataset

        return CallableDict(Dataset.get_all(self))

    @property
    def images(self) -> CallableDict[Any]:
        """Nothing: images are not kept here."""
        return CallableDict()

    @property
    def webservices(self) -> CallableDict[Any]:
        """Nothing: models are not served here."""
        return CallableDict()
