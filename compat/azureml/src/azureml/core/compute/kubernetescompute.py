"""azureml.core.compute.kubernetescompute."""

from trainshed.api.compute.other_compute import KubernetesCompute

__all__ = ["KubernetesCompute"]
