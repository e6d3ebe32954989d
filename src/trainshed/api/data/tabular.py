"""Tabular datasets. Reading one requires pandas, which is imported on demand."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from trainshed.api.data.abstract_dataset import AbstractDataset, parse_paths, validated
from trainshed.errors import UserErrorException


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
        """Return the dataset without these columns."""
        return self._step("drop", [columns] if isinstance(columns, str) else list(columns))  # type: ignore[no-any-return]

    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> Any:
        """Load the dataset as a pandas DataFrame.

        Raises:
            UserErrorException: pandas is not installed, a file cannot be read, or a column does not exist.
        """
        pandas = _pandas()
        file_format = self._definition["format"]
        frames = [_read(pandas, path, file_format) for path, _ in self._local()]
        frame = pandas.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0].reset_index(drop=True)
        from trainshed.data.dataset import apply

        for name, *args in self._definition["steps"]:
            if name in ("keep", "drop"):
                missing = [column for column in args[0] if column not in frame.columns]
                if missing:
                    raise UserErrorException(
                        f"The table has no column {missing[0]!r}. Available: {', '.join(map(str, frame))}."
                    )
                frame = frame[args[0]] if name == "keep" else frame.drop(columns=args[0])
            else:
                rows = apply(list(range(len(frame))), [[name, *args]])
                frame = frame.iloc[rows].reset_index(drop=True)
        return frame


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
            path: ``(datastore, "folder/*.csv")``, a local path, or a list of these.
            validate: check that the files exist.
            include_path: add a column ``Path`` with the path of each row's file.
            infer_column_types: infer the types of columns; otherwise all columns are strings.
            set_column_types: column name → pandas dtype.
            separator: delimiter between columns.
            header: the first line of each file contains the column names. If False, the columns are named
                ``Column1``, ``Column2``, …
            partition_format: ignored.
            support_multi_line: ignored; quoted values may always contain line breaks.
            empty_as_string: read empty values as empty strings instead of missing values.
            encoding: encoding of the files.

        Raises:
            NotFoundException: a path matches no files.
        """
        file_format = {
            "kind": "delimited",
            "include_path": include_path,
            "infer": infer_column_types,
            "types": {key: str(getattr(value, "name", value)) for key, value in (set_column_types or {}).items()},
            "separator": separator,
            "header": bool(getattr(header, "value", header)),
            "empty_as_string": empty_as_string,
            "encoding": encoding,
        }
        return _table(path, file_format, validate)

    @staticmethod
    def from_parquet_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Mapping[str, Any] | None = None,
        partition_format: Any = None,
    ) -> TabularDataset:
        """Create a dataset from Parquet files. See :meth:`from_delimited_files` for the parameters."""
        return _table(path, {"kind": "parquet", "include_path": include_path}, validate)

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
        return _table(path, {"kind": "json", "include_path": include_path, "encoding": encoding}, validate)

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
        import tempfile

        paths, workspace = parse_paths(target)
        if workspace is None:
            raise UserErrorException("The target of a table must be (datastore, 'folder on it').")
        store = workspace.datastores[paths[0]["datastore"]]
        folder = "/".join(part for part in (paths[0]["path"], os.urandom(8).hex()) if part)
        with tempfile.TemporaryDirectory() as temporary:
            file = os.path.join(temporary, "part-00000.parquet")
            try:
                dataframe.to_parquet(file, index=False)
            except ImportError as error:
                raise UserErrorException("Writing tables needs pyarrow: pip install pyarrow.") from error
            store.upload_files([file], temporary, folder, True, show_progress)
        dataset = TabularFactory.from_parquet_files((store, f"{folder}/*.parquet"))
        return dataset.register(workspace, name, description, tags, create_new_version=True)  # type: ignore[no-any-return]


def _table(path: Any, file_format: dict[str, Any], validate: bool) -> TabularDataset:
    paths, workspace = parse_paths(path)
    dataset = TabularDataset({"type": "tabular", "paths": paths, "steps": [], "format": file_format}, workspace)
    return validated(dataset, validate)  # type: ignore[no-any-return]


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise UserErrorException("Reading a table needs pandas: pip install pandas.") from error
    return pd


def _read(pandas: Any, path: str, file_format: Mapping[str, Any]) -> Any:
    try:
        if file_format["kind"] == "parquet":
            frame = pandas.read_parquet(path)
        elif file_format["kind"] == "json":
            frame = pandas.read_json(path, lines=True, encoding=file_format["encoding"])
        else:
            frame = pandas.read_csv(
                path,
                sep=file_format["separator"],
                header=0 if file_format["header"] else None,
                encoding=file_format["encoding"],
                dtype=(file_format["types"] or None) if file_format["infer"] else str,
                keep_default_na=not file_format["empty_as_string"],
            )
            if not file_format["header"]:
                frame.columns = [f"Column{number + 1}" for number in range(len(frame.columns))]
    except ImportError as error:
        raise UserErrorException(f"'{path}' cannot be read without pyarrow: pip install pyarrow.") from error
    except (ValueError, UnicodeError) as error:
        raise UserErrorException(f"'{path}' cannot be read as {file_format['kind']}: {error}") from error
    if file_format["include_path"]:
        frame.insert(0, "Path", path)
    return frame
