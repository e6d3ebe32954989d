"""azureml.core.compute.hdinsight."""

from trainshed.api.compute.other_compute import HDInsightCompute

__all__ = ["HDInsightCompute"]
