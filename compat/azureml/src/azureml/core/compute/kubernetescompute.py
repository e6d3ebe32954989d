"""azureml.core.compute.kubernetescompute."""

from trainshed.api.other_compute import KubernetesCompute

__all__ = ["KubernetesCompute"]
