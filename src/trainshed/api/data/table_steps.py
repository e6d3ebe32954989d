"""Operations of a tabular dataset, applied to a pandas DataFrame when the table is read."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from trainshed.api.data.expression import evaluate, times
from trainshed.data.dataset import apply
from trainshed.errors import UserErrorException


def transformed(pandas: Any, frame: Any, steps: Sequence[Any]) -> Any:
    """Return a table with the operations of a dataset applied in order.

    Args:
        pandas: the module.
        frame: the table, a DataFrame.
        steps: operations of the dataset's definition.

    Raises:
        UserErrorException: a column does not exist, or does not contain what an operation needs.
    """
    for name, *args in steps:
        if name == "keep":
            for column in args[0]:
                _column(frame, column)
            frame = frame[args[0]]
        elif name == "drop":
            frame = frame.drop(columns=args[0], errors="ignore")
        elif name == "timestamps":
            for column in filter(None, args):
                found = times(pandas, _column(frame, column), f"The timestamp column {column!r}", utc=False)
                frame = frame.assign(**{column: found})
        elif name == "filter":
            frame = frame[_mask(pandas, frame, args[0])].reset_index(drop=True)
        else:
            rows = (
                _stratified(frame, *args) if name == "stratified" else apply(list(range(len(frame))), [[name, *args]])
            )
            frame = frame.iloc[rows].reset_index(drop=True)
    return frame


def _column(frame: Any, name: str) -> Any:
    if name not in frame.columns:
        raise UserErrorException(f"The table has no column {name!r}. Available: {', '.join(map(str, frame))}.")
    return frame[name]


def _mask(pandas: Any, frame: Any, tree: Any) -> Any:
    mask = evaluate(pandas, frame, tree, _column)
    if not pandas.api.types.is_bool_dtype(mask):
        raise UserErrorException("filter needs a condition, such as table['age'] > 30, not the values of a column.")
    return mask.fillna(False)


def _stratified(frame: Any, columns: list[str], fractions: list[Any], seed: int) -> list[int]:
    shares = {tuple(values): fraction for values, fraction in fractions}
    generator = random.Random(seed)  # noqa: S311 - not used for cryptography
    groups = zip(*(_column(frame, column).tolist() for column in columns), strict=True)
    return [row for row, group in enumerate(groups) if generator.random() < shares.get(group, 0)]
