"""Datasets of tables; reading one needs pandas, which is imported then."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from trainshed.api.data.abstract_dataset import AbstractDataset, places, validated
from trainshed.errors import UserErrorException


class TabularDataset(AbstractDataset, kind="tabular"):
    """A table, by the files that have it.

    Example:
        >>> table.keep_columns(["day"]).skip(1).as_named_input("days").name
        'days'
    """

    def keep_columns(self, columns: str | Sequence[str], validate: bool = False) -> TabularDataset:
        """Return it with these columns alone."""
        return self._step("keep", [columns] if isinstance(columns, str) else list(columns))  # type: ignore[no-any-return]

    def drop_columns(self, columns: str | Sequence[str]) -> TabularDataset:
        """Return it without these columns."""
        return self._step("drop", [columns] if isinstance(columns, str) else list(columns))  # type: ignore[no-any-return]

    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> Any:
        """Return it as a pandas DataFrame.

        Raises:
            UserErrorException: pandas is not installed, a file cannot be read, or a column is not there.
        """
        pandas = _pandas()
        how = self._definition["format"]
        frames = [_read(pandas, path, how) for path, _ in self._local()]
        frame = pandas.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0].reset_index(drop=True)
        from trainshed.data.dataset import apply

        for name, *given in self._definition["steps"]:
            if name in ("keep", "drop"):
                absent = [column for column in given[0] if column not in frame.columns]
                if absent:
                    raise UserErrorException(
                        f"The table has no column {absent[0]!r}. Available: {', '.join(map(str, frame))}."
                    )
                frame = frame[given[0]] if name == "keep" else frame.drop(columns=given[0])
            else:
                rows = apply(list(range(len(frame))), [[name, *given]])
                frame = frame.iloc[rows].reset_index(drop=True)
        return frame


class TabularFactory:
    """Makes datasets of tables: ``Dataset.Tabular``.

    Example:
        >>> made = Dataset.Tabular.from_delimited_files((ds, "weather/*.csv"), separator=",")
        >>> type(made).__name__
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
        """Return the table of text files, such as CSV.

        Args:
            path: ``(datastore, "folder/*.csv")``, a local path, or a list of them.
            validate: something must be there.
            include_path: have a column ``Path`` with the file of each row.
            infer_column_types: have numbers and dates as such; otherwise all is text.
            set_column_types: column → a type that pandas knows.
            separator: between columns.
            header: the first line of each file has the columns' names; False: they are ``Column1``, ``Column2``, …
            partition_format: accepted and not used.
            support_multi_line: accepted: quoted values may always have several lines.
            empty_as_string: have empty values as empty text.
            encoding: of the files.

        Raises:
            NotFoundException: nothing is there.
        """
        how = {
            "kind": "delimited",
            "include_path": include_path,
            "infer": infer_column_types,
            "types": {key: str(getattr(value, "name", value)) for key, value in (set_column_types or {}).items()},
            "separator": separator,
            "header": bool(getattr(header, "value", header)),
            "empty_as_string": empty_as_string,
            "encoding": encoding,
        }
        return _table(path, how, validate)

    @staticmethod
    def from_parquet_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Mapping[str, Any] | None = None,
        partition_format: Any = None,
    ) -> TabularDataset:
        """Return the table of Parquet files; see :meth:`from_delimited_files`."""
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
        """Return the table of files with a JSON object in each line; see :meth:`from_delimited_files`."""
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
        """Write a pandas DataFrame to a datastore and register the table.

        Args:
            dataframe: the table.
            target: ``(datastore, "folder")``, or a datastore.
            name: of the dataset; a new version where there is one.
            description: what it is.
            tags: its labels.
            show_progress: print what is done.

        Raises:
            UserErrorException: pyarrow is not installed, or the target is no datastore.
        """
        import tempfile

        found, workspace = places(target)
        if workspace is None:
            raise UserErrorException("The target of a table must be (datastore, 'folder on it').")
        store = workspace.datastores[found[0]["datastore"]]
        folder = "/".join(part for part in (found[0]["path"], os.urandom(8).hex()) if part)
        with tempfile.TemporaryDirectory() as here:
            file = os.path.join(here, "part-00000.parquet")
            try:
                dataframe.to_parquet(file, index=False)
            except ImportError as error:
                raise UserErrorException("Writing tables needs pyarrow: pip install pyarrow.") from error
            store.upload_files([file], here, folder, True, show_progress)
        made = TabularFactory.from_parquet_files((store, f"{folder}/*.parquet"))
        return made.register(workspace, name, description, tags, create_new_version=True)  # type: ignore[no-any-return]


def _table(path: Any, how: dict[str, Any], validate: bool) -> TabularDataset:
    found, workspace = places(path)
    made = TabularDataset({"type": "tabular", "paths": found, "steps": [], "format": how}, workspace)
    return validated(made, validate)  # type: ignore[no-any-return]


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise UserErrorException("Reading a table needs pandas: pip install pandas.") from error
    return pd


def _read(pandas: Any, path: str, how: Mapping[str, Any]) -> Any:
    try:
        if how["kind"] == "parquet":
            frame = pandas.read_parquet(path)
        elif how["kind"] == "json":
            frame = pandas.read_json(path, lines=True, encoding=how["encoding"])
        else:
            frame = pandas.read_csv(
                path,
                sep=how["separator"],
                header=0 if how["header"] else None,
                encoding=how["encoding"],
                dtype=(how["types"] or None) if how["infer"] else str,
                keep_default_na=not how["empty_as_string"],
            )
            if not how["header"]:
                frame.columns = [f"Column{number + 1}" for number in range(len(frame.columns))]
    except ImportError as error:
        raise UserErrorException(f"'{path}' cannot be read without pyarrow: pip install pyarrow.") from error
    except (ValueError, UnicodeError) as error:
        raise UserErrorException(f"'{path}' cannot be read as {how['kind']}: {error}") from error
    if how["include_path"]:
        frame.insert(0, "Path", path)
    return frame
