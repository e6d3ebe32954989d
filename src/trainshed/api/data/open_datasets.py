"""SDK v1's open datasets that are available here: MNIST and Diabetes."""

from __future__ import annotations

import gzip
import importlib
import os
import struct
from typing import TYPE_CHECKING, Any

from trainshed.api.data.file_dataset import FileDataset, FileFactory
from trainshed.api.data.tabular import TabularDataset, TabularFactory
from trainshed.client import locations
from trainshed.client.notice import warn
from trainshed.errors import UserErrorException
from trainshed.system import files

if TYPE_CHECKING:
    from collections.abc import Callable

_MNIST = "https://azureopendatastorage.blob.core.windows.net/mnist/"
_TRAIN = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
_TEST = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
_PARTS = {"train": _TRAIN, "test": _TEST, "all": (*_TRAIN, *_TEST)}
_SIDE, _TRAINING = 28, 1500


class MNIST:
    """Images of handwritten digits.

    They are downloaded from Azure's open datasets. If these cannot be reached, the 1,797 smaller images that
    scikit-learn contains are used, enlarged to MNIST's size, and a warning says so.
    """

    @staticmethod
    def get_file_dataset(dataset_filter: str = "all", enable_telemetry: bool = True) -> FileDataset:
        """Return a dataset of MNIST's files: ``train-images-idx3-ubyte.gz`` and so on.

        Args:
            dataset_filter: ``"all"``, ``"train"`` or ``"test"``.
            enable_telemetry: ignored; no telemetry is ever sent.

        Raises:
            UserErrorException: the filter is unknown, or there is neither a connection nor scikit-learn.
        """
        if dataset_filter not in _PARTS:
            raise UserErrorException(f"dataset_filter is {dataset_filter!r}: use all, train or test.")
        names = _PARTS[dataset_filter]
        try:
            return FileFactory.from_files([_MNIST + name for name in names])
        except UserErrorException as error:
            folder = _made("mnist-of-scikit-learn", _write_digits)
            warn(f"MNIST: {error.message} scikit-learn's digits, 1,797 images of lower quality, are used instead.")
            return FileFactory.from_files([os.path.join(folder, name) for name in names])

    @staticmethod
    def get_tabular_dataset(dataset_filter: str = "all", enable_telemetry: bool = True) -> TabularDataset:
        """Return MNIST as a table: a column ``"0"`` to ``"783"`` for each pixel, and ``label``.

        Args:
            dataset_filter: ``"all"``, ``"train"`` or ``"test"``.
            enable_telemetry: ignored; no telemetry is ever sent.

        Raises:
            UserErrorException: as for :meth:`get_file_dataset`, or pandas is not installed.
        """
        paths = [path for path, _ in MNIST.get_file_dataset(dataset_filter)._local()]
        version = "-".join(str(os.path.getsize(path)) for path in paths)
        folder = _made(f"mnist-table-{version}", lambda folder: _write_table(paths, folder))
        return TabularFactory.from_delimited_files(os.path.join(folder, "mnist.csv"))


class Diabetes:
    """Measurements of 442 patients and the progression of their diabetes, as scikit-learn contains them."""

    @staticmethod
    def get_tabular_dataset(enable_telemetry: bool = True) -> TabularDataset:
        """Return the table, with v1's columns: ``AGE``, ``SEX``, ``BMI``, ``BP``, ``S1`` to ``S6``, and ``Y``.

        Args:
            enable_telemetry: ignored; no telemetry is ever sent.

        Raises:
            UserErrorException: scikit-learn or pandas is not installed.
        """
        folder = _made("diabetes", _write_diabetes)
        return TabularFactory.from_delimited_files(os.path.join(folder, "diabetes.csv"))


def _made(name: str, write: Callable[[str], None]) -> str:
    """Return a folder in Trainshed's home, which is kept, because registered datasets may refer to it."""
    folder = os.path.join(locations.home(), "opendatasets", name)
    complete = os.path.join(folder, "complete")
    if not os.path.exists(complete):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        write(folder)
        files.write(complete, "")
    return folder


def _sklearn() -> Any:
    try:
        return importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise UserErrorException(
            "This dataset is made from scikit-learn's: pip install scikit-learn pandas."
        ) from error


def _write(path: str, content: bytes) -> None:
    with files.replacing(path, files.PUBLIC) as file:
        file.write(content)


def _write_digits(folder: str) -> None:
    digits = _sklearn().load_digits()
    images, labels = [_enlarged(image) for image in digits.images.tolist()], bytes(digits.target.tolist())
    for names, chosen in ((_TRAIN, slice(_TRAINING)), (_TEST, slice(_TRAINING, None))):
        of_images, of_labels = (os.path.join(folder, name) for name in names)
        count = len(labels[chosen])
        head = struct.pack(">iiii", 2051, count, _SIDE, _SIDE)
        _write(of_images, gzip.compress(head + b"".join(images[chosen])))
        _write(of_labels, gzip.compress(struct.pack(">ii", 2049, count) + labels[chosen]))


def _enlarged(image: list[list[float]]) -> bytes:
    """Return an image of 8 by 8 pixels from 0 to 16 as one of 28 by 28 from 0 to 255, with a margin of 2."""
    margin = bytes(2)
    rows = [margin + bytes(round(value * 255 / 16) for value in row for _ in range(3)) + margin for row in image]
    return bytes(2 * _SIDE) + b"".join(row * 3 for row in rows) + bytes(2 * _SIDE)


def _write_table(paths: list[str], folder: str) -> None:
    lines = [",".join([*map(str, range(_SIDE * _SIDE)), "label"])]
    for of_images, of_labels in zip(paths[::2], paths[1::2], strict=True):
        with gzip.open(of_images) as images, gzip.open(of_labels) as labels:
            images.read(16)  # the kind of file, and sizes
            lines += [",".join(map(str, [*images.read(_SIDE * _SIDE), label])) for label in labels.read()[8:]]
    _write(os.path.join(folder, "mnist.csv"), "\n".join([*lines, ""]).encode())


def _write_diabetes(folder: str) -> None:
    found = _sklearn().load_diabetes(scaled=False)
    names = ["AGE", "SEX", "BMI", "BP", *(f"S{number}" for number in range(1, 7)), "Y"]
    rows = [[*row, progression] for row, progression in zip(found.data.tolist(), found.target.tolist(), strict=True)]
    lines = [",".join(names), *(",".join(f"{value:g}" for value in row) for row in rows), ""]
    _write(os.path.join(folder, "diabetes.csv"), "\n".join(lines).encode())
