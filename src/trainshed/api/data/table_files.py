"""Reading and writing the files of tabular datasets with pandas."""

from __future__ import annotations

import csv
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trainshed.api.data.column_types import convert, read_as
from trainshed.api.data.partitions import PartitionFormat
from trainshed.errors import UserErrorException


def pandas() -> Any:
    """Return the module.

    Raises:
        UserErrorException: it is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise UserErrorException(f"Reading a table needs pandas: {_how_to_get('pandas')}.") from error


def write_parquet(frame: Any, path: str) -> None:
    """Write a DataFrame to a Parquet file.

    Args:
        frame: the DataFrame.
        path: the file.

    Raises:
        UserErrorException: pyarrow is not installed.
    """
    try:
        frame.to_parquet(path, index=False)
    except ImportError as error:
        raise UserErrorException(f"Writing tables needs pyarrow: {_how_to_get('pyarrow')}.") from error


def uploaded(store: Any, folder: str, write: Callable[[str], list[str]], show_progress: bool) -> None:
    """Upload files that are written to a temporary folder.

    Args:
        store: datastore.
        folder: folder on it.
        write: called with the temporary folder; returns the paths of the files that it has written there.
        show_progress: print progress messages.
    """
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as temporary:
        store.upload_files(write(temporary), temporary, folder, True, show_progress)


def write_partitions(frame: Any, keys: Sequence[str], folder: str) -> list[str]:
    """Write a Parquet file for each combination of values of some columns, in folders named by these values.

    Args:
        frame: the table, a DataFrame.
        keys: the columns.
        folder: folder to write to.

    Returns:
        Paths of the files.

    Raises:
        UserErrorException: a column does not exist, a value cannot be the name of a folder, or pyarrow is missing.
    """
    unknown = [key for key in keys if key not in frame.columns]
    if unknown:
        raise UserErrorException(f"The table has no column {unknown[0]!r}. Available: {', '.join(map(str, frame))}.")
    paths = []
    for values, group in frame.groupby(list(keys), sort=True):
        names = [str(value) for value in values]
        if any("/" in name or name in ("", ".", "..") for name in names):
            raise UserErrorException(f"The values {', '.join(names)} of {', '.join(keys)} cannot be names of folders.")
        paths.append(os.path.join(folder, *names, "part-00000.parquet"))
        os.makedirs(os.path.dirname(paths[-1]))
        write_parquet(group, paths[-1])
    return paths


def read(pandas: Any, files: Sequence[tuple[str, str]], file_format: Mapping[str, Any], on_error: str) -> Any:
    """Return the table in the files of a dataset.

    Args:
        pandas: the module.
        files: path of each file on this machine, and its original path.
        file_format: part ``format`` of the dataset's definition.
        on_error: what becomes of values that do not have the type of their column; see ``to_pandas_dataframe``.

    Raises:
        UserErrorException: a file cannot be read, or a value does not have the type of its column.
    """
    partition = PartitionFormat(file_format["partition"]) if file_format.get("partition") else None
    frames: list[Any] = []
    names: list[str] | None = None
    for path, original in files:
        frame = _one(pandas, path, file_format, names, on_error)
        names = names or list(frame)
        for key, value in partition.values(original).items() if partition else ():
            if key not in frame.columns:
                frame[key] = value
        if file_format["include_path"]:
            frame.insert(0, "Path", path)
        frames.append(frame)
    return pandas.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0].reset_index(drop=True)


def _one(pandas: Any, path: str, file_format: Mapping[str, Any], names: list[str] | None, on_error: str) -> Any:
    try:
        if file_format["kind"] == "parquet":
            frame = pandas.read_parquet(path)
        elif file_format["kind"] == "json":
            frame = pandas.read_json(path, lines=True, encoding=file_format["encoding"])
        else:
            frame = _delimited(pandas, path, file_format, names)
        return convert(pandas, frame, file_format.get("types") or {}, on_error)
    except ImportError as error:
        raise UserErrorException(f"'{path}' cannot be read without pyarrow: {_how_to_get('pyarrow')}.") from error
    except (ValueError, UnicodeError) as error:
        raise UserErrorException(f"'{path}' cannot be read as {file_format['kind']}: {error}") from error


def _delimited(pandas: Any, path: str, file_format: Mapping[str, Any], names: list[str] | None) -> Any:
    header = file_format["header"]
    known = names if header == "first" else None
    # v1's way to say that each line is one value, such as the body of a request.
    lines = file_format["separator"] in ("\n", "\r\n", "\r")
    frame = pandas.read_csv(
        path,
        sep="\0" if lines else file_format["separator"],
        quoting=csv.QUOTE_NONE if lines else csv.QUOTE_MINIMAL,
        header=None if known or not header else 0,
        names=known,
        encoding=file_format["encoding"],
        dtype=read_as(file_format["types"]) if file_format["infer"] else str,
        keep_default_na=not file_format["empty_as_string"],
    )
    if not header:
        frame.columns = [f"Column{number + 1}" for number in range(len(frame.columns))]
    return frame


def _how_to_get(package: str) -> str:
    return f"add {package} to the run's pip_packages" if "TRAINSHED_RUN_ID" in os.environ else f"pip install {package}"
