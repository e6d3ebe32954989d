"""Entry point to datasets: creates file and tabular datasets and looks up registered ones."""

from __future__ import annotations

import builtins
import os
from typing import TYPE_CHECKING, Any

from trainshed.api.data.abstract_dataset import AbstractDataset
from trainshed.api.data.file_dataset import FileDataset, FileFactory
from trainshed.api.data.tabular import TabularDataset, TabularFactory
from trainshed.errors import UserErrorException

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike

_READERS = {
    ".json": "from_json_lines_files",
    ".jsonl": "from_json_lines_files",
    ".parquet": "from_parquet_files",
    ".tsv": "from_delimited_files",
}

__all__ = ["AbstractDataset", "Dataset", "FileDataset", "TabularDataset"]


class Dataset(AbstractDataset):
    """Creates datasets (``Dataset.File.from_files``) and returns registered ones (``Dataset.get_by_name``).

    The other methods that create datasets are from 2019, before there were ``File`` and ``Tabular``.

    Example:
        >>> table = Dataset.Tabular.from_delimited_files((datastore, "weather/*.csv"))
        >>> table.register(ws, "weather").version
        1
    """

    File = FileFactory
    Tabular = TabularFactory
    sample = TabularDataset.sample

    def __init__(self, definition: Any = None, workspace: Any = None, name: Any = None, id: Any = None) -> None:
        """Raise an error: datasets are created from files.

        Raises:
            UserErrorException: always.
        """
        raise UserErrorException("Create a dataset with Dataset.File.from_files(…) or Dataset.Tabular.from_….")

    class Scenario:
        """What a dataset is to a model, for the parameter ``datasets`` of ``Model.register``."""

        TRAINING = "training"
        VALIDATION = "validation"
        INFERENCING = "inferencing"

    @staticmethod
    def from_delimited_files(
        path: Any,
        separator: str = ",",
        header: Any = True,
        encoding: Any = "utf8",
        quoting: bool = False,
        infer_column_types: bool = True,
        skip_rows: int = 0,
        skip_mode: Any = None,
        comment: str | None = None,
        include_path: bool = False,
        archive_options: Any = None,
        partition_format: str | None = None,
    ) -> TabularDataset:
        """Create a dataset from delimited text files; see :meth:`TabularFactory.from_delimited_files`.

        Args:
            path: as for ``Dataset.Tabular.from_delimited_files``.
            separator: delimiter between columns.
            header: True, False or a PromoteHeadersBehavior.
            encoding: encoding of the files.
            quoting: ignored; quoted values may always contain line breaks.
            infer_column_types: infer the types of columns; otherwise all columns are strings.
            skip_rows: must be 0.
            skip_mode: ignored.
            comment: must be None.
            include_path: add a column ``Path`` with the path of each row's file.
            archive_options: must be None.
            partition_format: format of values in the paths.

        Raises:
            UserErrorException: an argument that is not supported was passed.
        """
        given = {"skip_rows": skip_rows, "comment": comment, "archive_options": archive_options}
        for name, value in given.items():
            if value:
                raise UserErrorException(
                    f"{name} is not supported: read the files with pandas, and create a dataset with "
                    "Dataset.Tabular.register_pandas_dataframe(…)."
                )
        return TabularFactory.from_delimited_files(
            path,
            include_path=include_path,
            infer_column_types=infer_column_types,
            separator=separator,
            header=header,
            partition_format=partition_format,
            encoding=getattr(encoding, "value", encoding),
        )

    @staticmethod
    def auto_read_files(path: Any, include_path: bool = False, partition_format: str | None = None) -> TabularDataset:
        """Create a dataset from files whose format is that of the first one's extension.

        Args:
            path: as for ``Dataset.Tabular.from_delimited_files``.
            include_path: add a column ``Path`` with the path of each row's file.
            partition_format: format of values in the paths.

        Raises:
            NotFoundException: a path matches no files.
        """
        name = FileFactory.from_files(path)._found()[0].relative
        extension = os.path.splitext(name)[1].lower()
        more = {"separator": "\t"} if extension == ".tsv" else {}
        make: Any = getattr(TabularFactory, _READERS.get(extension, "from_delimited_files"))
        dataset: TabularDataset = make(path, include_path=include_path, partition_format=partition_format, **more)
        return dataset

    @staticmethod
    def from_parquet_files(
        path: Any, include_path: bool = False, partition_format: str | None = None
    ) -> TabularDataset:
        """Create a dataset from Parquet files; see :meth:`TabularFactory.from_parquet_files`."""
        return TabularFactory.from_parquet_files(path, include_path=include_path, partition_format=partition_format)

    @staticmethod
    def from_json_files(
        path: Any,
        encoding: Any = "utf8",
        flatten_nested_arrays: bool = False,
        include_path: bool = False,
        partition_format: str | None = None,
    ) -> TabularDataset:
        """Create a dataset from JSON Lines files; see :meth:`TabularFactory.from_json_lines_files`."""
        return TabularFactory.from_json_lines_files(
            path,
            include_path=include_path,
            partition_format=partition_format,
            encoding=getattr(encoding, "value", encoding),
        )

    @staticmethod
    def from_binary_files(path: Any) -> FileDataset:
        """Create a dataset of files; see :meth:`FileFactory.from_files`."""
        return FileFactory.from_files(path)

    @staticmethod
    def from_pandas_dataframe(dataframe: Any, path: Any = None, in_memory: bool = False) -> TabularDataset:
        """Write a DataFrame to a file on this machine and return a dataset of it.

        Args:
            dataframe: the DataFrame.
            path: local folder. Default: the current folder.
            in_memory: ignored.

        Raises:
            UserErrorException: pyarrow is not installed.
        """
        from trainshed.api.data.table_files import write_parquet

        folder = os.fspath(path) if path is not None else "."
        os.makedirs(folder, exist_ok=True)
        file = os.path.join(folder, f"dataframe-{os.urandom(4).hex()}.parquet")
        write_parquet(dataframe, file)
        return TabularFactory.from_parquet_files(file)

    @staticmethod
    def get(workspace: WorkspaceLike, name: str | None = None, id: str | None = None) -> Any:
        """Return a registered dataset by its name or id.

        Args:
            workspace: workspace in which the dataset is registered.
            name: name of the dataset.
            id: ``"name:version"``.

        Raises:
            NotFoundException: the dataset does not exist.
            UserErrorException: neither was passed.
        """
        if name is None and id is None:
            raise UserErrorException("Pass the name or the id of the dataset.")
        return AbstractDataset.get_by_name(workspace, name) if name else AbstractDataset.get_by_id(workspace, str(id))

    @staticmethod
    def list(workspace: WorkspaceLike) -> builtins.list[Any]:
        """Return the latest version of each registered dataset."""
        return [*AbstractDataset.get_all(workspace).values()]

    @property
    def state(self) -> str:
        """``"active"``: datasets are not archived here."""
        return "active"

    @property
    def is_visible(self) -> bool:
        """True."""
        return True
