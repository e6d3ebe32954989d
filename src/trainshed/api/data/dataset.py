"""Entry point to datasets: creates file and tabular datasets and looks up registered ones."""

from __future__ import annotations

from trainshed.api.data.abstract_dataset import AbstractDataset
from trainshed.api.data.file_dataset import FileDataset, FileFactory
from trainshed.api.data.tabular import TabularDataset, TabularFactory

__all__ = ["AbstractDataset", "Dataset", "FileDataset", "TabularDataset"]


class Dataset(AbstractDataset):
    """Creates datasets (``Dataset.File.from_files``) and returns registered ones (``Dataset.get_by_name``).

    Example:
        >>> table = Dataset.Tabular.from_delimited_files((datastore, "weather/*.csv"))
        >>> table.register(ws, "weather").version
        1
    """

    File = FileFactory
    Tabular = TabularFactory
