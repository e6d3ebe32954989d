"""What v1 did with a model to serve it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from trainshed.api.cloud import refuse

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike

_SERVE = "load the model in a service of your own: Model(ws, name).download()"


class NotServed:
    """Each raises one sentence that says what to do instead."""

    @staticmethod
    def deploy(
        workspace: WorkspaceLike,
        name: str,
        models: Any,
        inference_config: Any = None,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
        show_output: bool = False,
    ) -> NoReturn:
        """Refuse: nothing is served here."""
        refuse("Model.deploy", _SERVE)

    @staticmethod
    def package(
        workspace: WorkspaceLike,
        models: Any,
        inference_config: Any = None,
        generate_dockerfile: bool = False,
        image_name: str | None = None,
        image_label: str | None = None,
    ) -> NoReturn:
        """Refuse: nothing is served here."""
        refuse("Model.package", _SERVE)

    @staticmethod
    def profile(
        workspace: WorkspaceLike,
        profile_name: str,
        models: Any,
        inference_config: Any,
        input_dataset: Any,
        cpu: Any = None,
        memory_in_gb: Any = None,
        description: str | None = None,
    ) -> NoReturn:
        """Refuse: nothing is served here."""
        refuse("Model.profile", _SERVE)
