"""azureml.core.linked_service."""

from trainshed.api.serving import LinkedService, SynapseWorkspaceLinkedServiceConfiguration

__all__ = ["LinkedService", "SynapseWorkspaceLinkedServiceConfiguration"]
