"""Conditions on the files of a file dataset: their sizes and times, and the values in their paths."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from trainshed.api.data.expression import ColumnExpression
from trainshed.api.data.partitions import PartitionFormat
from trainshed.errors import UserErrorException

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainshed.api.data.fetch import DataFile

METADATA = ("CanSeek", "CreatedTime", "ModifiedTime", "Size")


class FileMetadata:
    """Facts about files, for conditions: ``dataset.file_metadata["Size"] > 1000``."""

    def __getitem__(self, name: str) -> ColumnExpression:
        """Return a fact for a condition.

        Args:
            name: ``"Size"``, ``"ModifiedTime"``, ``"CreatedTime"`` or ``"CanSeek"``.

        Raises:
            UserErrorException: there is no such fact.
        """
        if name not in METADATA:
            raise UserErrorException(f"There is no file_metadata[{name!r}]. Available: {', '.join(METADATA)}.")
        return ColumnExpression(["column", name])


def chosen(
    files: Sequence[DataFile], paths: Sequence[str], partition: str | None, condition: Any
) -> list[dict[str, str]]:
    """Return the files for which a condition is true, as paths of a definition.

    Args:
        files: the files.
        paths: path of each file on this machine.
        partition: format of the values in the files' paths, or None.
        condition: a ColumnExpression.

    Raises:
        UserErrorException: it is not a condition, or uses what is not known of the files.
    """
    from trainshed.api.data.table_files import pandas
    from trainshed.api.data.table_steps import transformed

    if not isinstance(condition, ColumnExpression):
        raise UserErrorException(
            f"filter needs a condition, such as dataset.file_metadata['Size'] > 1000, not {condition!r}."
        )
    known = PartitionFormat(partition) if partition else None
    rows = []
    for number, (file, path) in enumerate(zip(files, paths, strict=True)):
        values = known.values(file.original) if known else {}
        rows.append({**_facts(path), **values, _NUMBER: number})
    library = pandas()
    frame = library.DataFrame(rows, columns=[*METADATA, *(known.keys if known else ()), _NUMBER])
    return [dict(files[number].place) for number in transformed(library, frame, [["filter", condition._tree]])[_NUMBER]]


_NUMBER = " number"
"""Column with the number of each file; no fact and no value in a path has this name."""


def _facts(path: str) -> dict[str, Any]:
    from datetime import datetime, timezone

    facts = os.stat(path)
    modified, created = (datetime.fromtimestamp(time, timezone.utc) for time in (facts.st_mtime, facts.st_ctime))
    return {"CanSeek": True, "CreatedTime": created, "ModifiedTime": modified, "Size": facts.st_size}
