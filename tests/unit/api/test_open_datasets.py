"""MNIST and Diabetes of ``azureml.opendatasets``, and that all others can be imported."""

from __future__ import annotations

import glob
import gzip
import importlib
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_server import WebServer, web_server

from trainshed.api.data import open_datasets
from trainshed.api.data.open_datasets import MNIST, Diabetes
from trainshed.errors import UserErrorException

pytest.importorskip("sklearn")

IMAGES = [bytes([number] * 784) for number in range(3)]


@pytest.fixture(autouse=True)
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """Stands for Azure's server, which has no MNIST unless a test puts it there."""
    with web_server() as made:
        monkeypatch.setattr(open_datasets, "_MNIST", made.url("/mnist/"))
        yield made


def put(server: WebServer) -> None:
    for part in ("train", "t10k"):
        images = struct.pack(">iiii", 2051, len(IMAGES), 28, 28) + b"".join(IMAGES)
        server.files[f"/mnist/{part}-images-idx3-ubyte.gz"] = gzip.compress(images)
        server.files[f"/mnist/{part}-labels-idx1-ubyte.gz"] = gzip.compress(struct.pack(">ii", 2049, 3) + b"\1\2\3")


def read(folder: Path, part: str, head: int) -> tuple[tuple[int, ...], bytes]:
    """Read a file as the scripts of tutorials do."""
    (path,) = glob.glob(str(folder / "**" / f"{part}-ubyte.gz"), recursive=True)
    with gzip.open(path) as file:
        return struct.unpack(f">{head}i", file.read(4 * head)), file.read()


def test_mnist_is_downloaded(server: WebServer, tmp_path: Path) -> None:
    put(server)
    assert len(MNIST.get_file_dataset().download(str(tmp_path / "data"), overwrite=True)) == 4
    assert read(tmp_path / "data", "t10k-labels-idx1", 2) == ((2049, 3), b"\1\2\3")
    assert len(MNIST.get_file_dataset("train").to_path()) == 2


def test_without_a_connection_mnist_is_made_of_scikit_learns_digits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    MNIST.get_file_dataset().download(str(tmp_path / "data"))
    assert "scikit-learn's digits, 1,797 images of lower quality, are used instead." in caplog.text
    for part, count in (("train", 1500), ("t10k", 297)):
        head, images = read(tmp_path / "data", f"{part}-images-idx3", 4)
        assert head == (2051, count, 28, 28)
        assert len(images) == count * 28 * 28
        assert (min(images), max(images)) == (0, 255)
        assert read(tmp_path / "data", f"{part}-labels-idx1", 2)[0] == (2049, count)
    assert read(tmp_path / "data", "train-labels-idx1", 2)[1][:4] == bytes([0, 1, 2, 3])


def test_mnist_as_a_table(server: WebServer) -> None:
    pytest.importorskip("pandas")
    put(server)
    table = MNIST.get_tabular_dataset().to_pandas_dataframe()
    assert table.shape == (6, 785)
    assert table["label"].tolist() == [1, 2, 3] * 2
    assert table["783"].tolist() == [0, 1, 2] * 2
    assert len(MNIST.get_tabular_dataset("test").to_pandas_dataframe()) == 3


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(UserErrorException, match="use all, train or test"):
        MNIST.get_file_dataset("validation")


def test_diabetes() -> None:
    pytest.importorskip("pandas")
    diabetes = Diabetes.get_tabular_dataset()
    table = diabetes.to_pandas_dataframe().dropna()
    assert table.shape == (442, 11)
    assert table.iloc[0].tolist() == [59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87, 151]
    assert list(diabetes.drop_columns("Y").to_pandas_dataframe()) == [
        "AGE",
        "SEX",
        "BMI",
        "BP",
        *(f"S{n}" for n in range(1, 7)),
    ]


def test_the_others_can_be_imported_and_say_what_to_do_when_they_are_used() -> None:
    package = importlib.import_module("azureml.opendatasets")
    assert package.MNIST is MNIST
    with pytest.raises(UserErrorException, match="NoaaIsdWeather is only available in Azure ML; here, only MNIST"):
        package.NoaaIsdWeather(start_date=None, end_date=None)
    with pytest.raises(UserErrorException, match=r"NycTlcGreen.get_tabular_dataset is only available"):
        package.NycTlcGreen.get_tabular_dataset()
