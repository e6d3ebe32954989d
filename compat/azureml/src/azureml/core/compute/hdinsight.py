"""azureml.core.compute.hdinsight."""

from trainshed.api.other_compute import HDInsightCompute

__all__ = ["HDInsightCompute"]
