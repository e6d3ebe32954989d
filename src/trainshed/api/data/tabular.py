"""Tabular datasets. Reading one requires pandas, which is imported on demand."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainshed.api.checks import check_names
from trainshed.api.data.abstract_dataset import AbstractDataset, new_seed
from trainshed.api.data.column_types import to_record
from trainshed.api.data.dataset_paths import checked_format, new_folder, parse_paths, validated
from trainshed.api.data.file_dataset import FileDataset, FileFactory
from trainshed.errors import DatasetTimestampMissingError, UserErrorException

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from trainshed.api.data.expression import ColumnExpression


class TabularDataset(AbstractDataset, kind="tabular"):
    """A table stored in files, such as CSV or Parquet.

    Example:
        >>> table.keep_columns(["day"]).skip(1).as_named_input("days").name
        'days'
    """

    def keep_columns(self, columns: str | Sequence[str], validate: bool = False) -> TabularDataset:
        """Return the dataset with only these columns."""
        return self._step("keep", [columns] if isinstance(columns, str) else list(columns))  # type: ignore[no-any-return]

    def drop_columns(self, columns: str | Sequence[str]) -> TabularDataset:
        """Return the dataset without these columns; as in SDK v1, those that do not exist are ignored."""
        return self._step("drop", [columns] if isinstance(columns, str) else list(columns))  # type: ignore[no-any-return]

    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> Any:
        """Load the dataset as a pandas DataFrame.

        Args:
            on_error: ``"null"`` makes values that do not have the type of their column (``set_column_types``) missing
                values; ``"fail"`` raises an error.
            out_of_range_datetime: ignored.

        Raises:
            UserErrorException: pandas is not installed, a file cannot be read, or a column does not exist.
        """
        from trainshed.api.data import fetch, table_files
        from trainshed.api.data.table_steps import transformed

        pandas = table_files.pandas()
        file_format = self._definition["format"]
        found = self._found()
        local = [path for path, _ in fetch.local(found, self._workspace)]
        original = [file.original for file in found]
        frame = table_files.read(pandas, list(zip(local, original, strict=True)), file_format, on_error)
        return transformed(pandas, frame, self._definition["steps"])

    def __getitem__(self, column: str) -> ColumnExpression:
        """Return a column for a condition in :meth:`filter`."""
        from trainshed.api.data.expression import ColumnExpression

        if not isinstance(column, str):
            raise UserErrorException(f"A table's column is chosen by its name, not by {column!r}; see keep_columns.")
        return ColumnExpression(["column", column])

    def filter(self, expression: ColumnExpression) -> TabularDataset:
        """Return the dataset with only the rows for which a condition is true.

        Args:
            expression: condition on columns, combined with ``&``, ``|`` and ``~``.

        Raises:
            UserErrorException: it is not such a condition.

        Example:
            >>> table.filter((table["rain"] < 0.1) & (table["day"] != 1)).to_pandas_dataframe().shape
            (1, 2)
        """
        from trainshed.api.data.expression import ColumnExpression

        if not isinstance(expression, ColumnExpression):
            raise UserErrorException(f"filter needs a condition, such as table['age'] > 30, not {expression!r}.")
        return self._step("filter", expression._tree)  # type: ignore[no-any-return]

    def sample(self, sample_strategy: str, arguments: Mapping[str, Any]) -> TabularDataset:
        """Return a dataset of some of the rows.

        Args:
            sample_strategy: ``"top_n"``, ``"simple_random"`` or ``"stratified"``.
            arguments: ``{"n": …}``; ``{"probability": …, "seed": …}``; or ``{"columns": […], "fractions": {…}, "seed":
                …}``, where the fractions are a dict of (value of each column) → fraction of these rows.

        Raises:
            UserErrorException: the strategy does not exist, or an argument is missing or invalid.
        """
        try:
            seed = arguments.get("seed")
            if sample_strategy == "top_n":
                return self.take(arguments["n"])  # type: ignore[no-any-return]
            if sample_strategy == "simple_random":
                return self.random_split(arguments["probability"], seed)[0]  # type: ignore[no-any-return]
            if sample_strategy == "stratified":
                columns, fractions = arguments["columns"], arguments["fractions"]
                columns = [columns] if isinstance(columns, str) else list(columns)
                shares = [[list(key) if isinstance(key, tuple) else [key], share] for key, share in fractions.items()]
                return self._step("stratified", columns, shares, new_seed() if seed is None else seed)  # type: ignore[no-any-return]
        except KeyError as error:
            raise UserErrorException(f"Sampling by {sample_strategy!r} needs the argument {error}.") from error
        raise UserErrorException(f"sample_strategy is {sample_strategy!r}: use top_n, simple_random or stratified.")

    @property
    def timestamp_columns(self) -> tuple[str | None, str | None]:
        """Names of the timestamp column and of the partition's timestamp column; None for one that is missing."""
        named: list[str | None] = [None, None]
        for name, *args in self._definition["steps"]:
            if name in ("keep", "drop"):
                named = [column if (column in args[0]) == (name == "keep") else None for column in named]
            named = list(args) if name == "timestamps" else named
        return named[0], named[1]

    def with_timestamp_columns(
        self, timestamp: str | None = None, partition_timestamp: str | None = None, validate: bool = False, **old: Any
    ) -> TabularDataset:
        """Return the dataset with timestamp columns, by which :meth:`time_before` and the like select rows.

        Args:
            timestamp: name of the column; None for no timestamp column.
            partition_timestamp: name of a column with the time of a row's partition.
            validate: read the table and check that the columns contain times.
            old: ``fine_grain_timestamp`` and ``coarse_grain_timestamp``, as the columns were called in 2019.

        Raises:
            UserErrorException: ``validate`` is true, and the columns do not contain times.

        Example:
            >>> table.with_timestamp_columns("day").timestamp_columns
            ('day', None)
        """
        timestamp = old.pop("fine_grain_timestamp", timestamp)
        partition_timestamp = old.pop("coarse_grain_timestamp", partition_timestamp)
        check_names("with_timestamp_columns", old, ("timestamp", "partition_timestamp", "validate"))
        dataset = self._step("timestamps", timestamp, partition_timestamp)
        if validate:
            dataset.to_pandas_dataframe()
        return dataset  # type: ignore[no-any-return]

    def time_before(self, end_time: datetime, include_boundary: bool = True, validate: bool = True) -> TabularDataset:
        """Return the rows before a time.

        Args:
            end_time: the time. Times without a time zone are in UTC.
            include_boundary: include rows of exactly this time.
            validate: ignored; the timestamp column is checked when the table is read.

        Raises:
            DatasetTimestampMissingError: the dataset has no timestamp column; see :meth:`with_timestamp_columns`.
        """
        return self._by_time("le" if include_boundary else "lt", end_time)

    def time_after(self, start_time: datetime, include_boundary: bool = True, validate: bool = True) -> TabularDataset:
        """Return the rows after a time. See :meth:`time_before` for the parameters."""
        return self._by_time("ge" if include_boundary else "gt", start_time)

    def time_between(
        self, start_time: datetime, end_time: datetime, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        """Return the rows between two times. See :meth:`time_before` for the parameters."""
        return self.time_after(start_time, include_boundary).time_before(end_time, include_boundary)

    def time_recent(
        self, time_delta: timedelta, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        """Return the rows of the time until now.

        Args:
            time_delta: length of that time.
            include_boundary: include rows of exactly the time with which it begins.
            validate: ignored; the timestamp column is checked when the table is read.

        Raises:
            DatasetTimestampMissingError: the dataset has no timestamp column; see :meth:`with_timestamp_columns`.
        """
        from datetime import datetime, timezone

        return self.time_after(datetime.now(timezone.utc) - time_delta, include_boundary)

    def _by_time(self, comparison: str, time: datetime) -> TabularDataset:
        from trainshed.api.data.expression import operand

        column, bound = self.timestamp_columns[0], operand(time)
        if column is None:
            raise DatasetTimestampMissingError("The table has no timestamp column. See with_timestamp_columns.")
        if bound[0] != "time":
            raise UserErrorException(f"Rows are selected by a datetime, not by {time!r}.")
        return self._step("filter", [comparison, ["column", column], bound])  # type: ignore[no-any-return]

    def to_csv_files(self, separator: str = ",") -> FileDataset:
        """Write the table to a CSV file and return a dataset of it.

        The file is kept on the default datastore, or if the table consists of local files, on this machine.

        Args:
            separator: delimiter between columns.
        """
        return self._as_files("part-00000.csv", lambda frame, path: frame.to_csv(path, index=False, sep=separator))

    def to_parquet_files(self) -> FileDataset:
        """Write the table to a Parquet file and return a dataset of it; see :meth:`to_csv_files`.

        Raises:
            UserErrorException: pyarrow is not installed.
        """
        from trainshed.api.data.table_files import write_parquet

        return self._as_files("part-00000.parquet", write_parquet)

    def partition_by(
        self,
        partition_keys: Sequence[str],
        target: Any,
        name: str | None = None,
        show_progress: bool = True,
        partition_as_file_dataset: bool = False,
    ) -> Any:
        """Write the table to Parquet files, one for each combination of values of some columns.

        Args:
            partition_keys: the columns.
            target: datastore, ``(datastore, "folder")`` or DataPath to write to.
            name: name under which to register the new dataset. Default: it is not registered.
            show_progress: print progress messages.
            partition_as_file_dataset: return a FileDataset of the files.

        Returns:
            A dataset of the files, whose :attr:`partition_keys` are these columns.

        Raises:
            UserErrorException: a column does not exist, the target is not a datastore, or pyarrow is not installed.
        """
        from trainshed.api.data.table_files import uploaded, write_partitions

        keys = list(partition_keys)
        if not keys:
            raise UserErrorException("partition_by needs the names of columns.")
        store, folder = new_folder(target)
        frame = self.to_pandas_dataframe()
        uploaded(store, folder, lambda temporary: write_partitions(frame, keys, temporary), show_progress)
        make = FileFactory.from_files if partition_as_file_dataset else TabularFactory.from_parquet_files
        partition_format = "".join(f"/{{{key}}}" for key in keys) + "/*.parquet"
        dataset = make((store, f"{folder}/**/*.parquet"), partition_format=partition_format)
        return dataset.register(store.workspace, name, create_new_version=True) if name else dataset

    def _as_files(self, name: str, write: Callable[[Any, str], None]) -> FileDataset:
        import hashlib
        from tempfile import TemporaryDirectory

        from trainshed.client.cache import cache
        from trainshed.data.folder import copy

        frame = self.to_pandas_dataframe()
        with TemporaryDirectory() as temporary:
            file = os.path.join(temporary, name)
            write(frame, file)
            with open(file, "rb") as content:
                folder = f"tables/{hashlib.sha256(content.read()).hexdigest()[:16]}"
            if self._workspace is not None:
                store = self._workspace.get_default_datastore()
                store.upload_files([file], temporary, folder, show_progress=False)
                return FileFactory.from_files((store, f"{folder}/*"))
            kept = cache("data", *folder.split("/"))
            copy(temporary, kept, overwrite=True)
        return FileFactory.from_files(f"{kept}/*")


class TabularFactory:
    """Creates tabular datasets; available as ``Dataset.Tabular``.

    Example:
        >>> weather = Dataset.Tabular.from_delimited_files((ds, "weather/*.csv"), separator=",")
        >>> type(weather).__name__
        'TabularDataset'
    """

    @staticmethod
    def from_delimited_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: Mapping[str, Any] | None = None,
        separator: str = ",",
        header: Any = True,
        partition_format: Any = None,
        support_multi_line: bool = False,
        empty_as_string: bool = False,
        encoding: str = "utf8",
    ) -> TabularDataset:
        """Create a dataset from delimited text files, such as CSV.

        Args:
            path: ``(datastore, "folder/*.csv")``, a local path, the web address of a file, or a list of these. Web
                files are downloaded when the table is read, and again only if they have changed.
            validate: check that the files exist.
            include_path: add a column ``Path`` with the path of each row's file.
            infer_column_types: infer the types of columns; otherwise all columns are strings.
            set_column_types: column name → a DataType, such as ``DataType.to_bool()``, or a pandas dtype.
            separator: delimiter between columns.
            header: the first line of each file contains the column names. If False, the columns are named
                ``Column1``, ``Column2``, … May also be a PromoteHeadersBehavior.
            partition_format: format of the end of the paths, with names for columns that get values from there, as in
                ``"/{country}/{day:yyyy/MM/dd}/*.csv"``.
            support_multi_line: ignored; quoted values may always contain line breaks.
            empty_as_string: read empty values as empty strings instead of missing values.
            encoding: encoding of the files.

        Raises:
            NotFoundException: a path matches no files, or there is none at a web address.
            UserErrorException: a web address is invalid, or the file cannot be downloaded.
        """
        file_format = {
            "kind": "delimited",
            "include_path": include_path,
            "infer": infer_column_types,
            "types": to_record(set_column_types),
            "separator": separator,
            "header": "first" if getattr(header, "value", None) == 1 else bool(getattr(header, "value", header)),
            "empty_as_string": empty_as_string,
            "encoding": encoding,
        }
        return _table(path, file_format, partition_format, validate)

    @staticmethod
    def from_parquet_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Mapping[str, Any] | None = None,
        partition_format: Any = None,
    ) -> TabularDataset:
        """Create a dataset from Parquet files. See :meth:`from_delimited_files` for the parameters."""
        file_format = {"kind": "parquet", "include_path": include_path, "types": to_record(set_column_types)}
        return _table(path, file_format, partition_format, validate)

    @staticmethod
    def from_json_lines_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Mapping[str, Any] | None = None,
        partition_format: Any = None,
        invalid_lines: str = "error",
        encoding: str = "utf8",
    ) -> TabularDataset:
        """Create a dataset from JSON Lines files. See :meth:`from_delimited_files` for the parameters."""
        types = to_record(set_column_types)
        file_format = {"kind": "json", "include_path": include_path, "encoding": encoding, "types": types}
        return _table(path, file_format, partition_format, validate)

    @staticmethod
    def register_pandas_dataframe(
        dataframe: Any,
        target: Any,
        name: str,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
        show_progress: bool = True,
    ) -> TabularDataset:
        """Write a pandas DataFrame to a datastore and register it as a dataset.

        Args:
            dataframe: DataFrame to write.
            target: ``(datastore, "folder")``, or a datastore.
            name: name of the dataset. If it exists, a new version is registered.
            description: description of the dataset.
            tags: tags of the dataset.
            show_progress: print progress messages.

        Raises:
            UserErrorException: pyarrow is not installed, or the target is not a datastore.
        """
        from trainshed.api.data.table_files import uploaded, write_parquet

        def write(temporary: str) -> list[str]:
            write_parquet(dataframe, os.path.join(temporary, "part-00000.parquet"))
            return [os.path.join(temporary, "part-00000.parquet")]

        store, folder = new_folder(target)
        uploaded(store, folder, write, show_progress)
        dataset = TabularFactory.from_parquet_files((store, f"{folder}/*.parquet"))
        return dataset.register(store.workspace, name, description, tags, create_new_version=True)  # type: ignore[no-any-return]


def _table(path: Any, file_format: dict[str, Any], partition_format: Any, validate: bool) -> TabularDataset:
    paths, workspace = parse_paths(path)
    if partition_format:
        file_format["partition"] = checked_format(partition_format)
    dataset = TabularDataset({"type": "tabular", "paths": paths, "steps": [], "format": file_format}, workspace)
    return validated(dataset, validate)  # type: ignore[no-any-return]
