"""Datasets: the way to those of files and of tables, and to those that are registered."""

from __future__ import annotations

from trainshed.api.data.abstract_dataset import AbstractDataset
from trainshed.api.data.file_dataset import FileDataset, FileFactory
from trainshed.api.data.tabular import TabularDataset, TabularFactory

__all__ = ["AbstractDataset", "Dataset", "FileDataset", "TabularDataset"]


class Dataset(AbstractDataset):
    """Makes datasets, ``Dataset.File.from_files(…)``, and finds them, ``Dataset.get_by_name(…)``.

    Example:
        >>> table = Dataset.Tabular.from_delimited_files((datastore, "weather/*.csv"))
        >>> table.register(ws, "weather").version
        1
    """

    File = FileFactory
    Tabular = TabularFactory
