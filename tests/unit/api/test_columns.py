"""Types of columns, and values in the paths of files, of tabular and file datasets."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from trainshed import Dataset, FileDataset, TabularDataset
from trainshed.api.data.column_types import DataType, PromoteHeadersBehavior
from trainshed.api.data.partitions import PartitionFormat
from trainshed.errors import UserErrorException

pd = pytest.importorskip("pandas")

TITANIC = 'Survived,Age,Price,Born,Ticket\n1,22,"7,25",01.02.1890,007\n0,,8,02.03.1880,008\nmaybe,38.5,free,soon,x\n'
TYPES = {
    "Survived": DataType.to_bool(),
    "Age": DataType.to_long(),
    "Price": DataType.to_float(decimal_mark=","),
    "Born": DataType.to_datetime(["%Y-%m-%d", "%d.%m.%Y"]),
    "Ticket": DataType.to_string(),
}


def again(dataset: Any) -> Any:
    """Return a dataset whose definition has been stored and read."""
    return Dataset.of_definition(None, json.loads(json.dumps(dataset._definition)))


@pytest.fixture
def titanic(tmp_path: Path) -> str:
    (tmp_path / "titanic.csv").write_text(TITANIC)
    return str(tmp_path / "titanic.csv")


def test_columns_get_the_types_that_they_are_given(titanic: str) -> None:
    frame = again(Dataset.Tabular.from_delimited_files(titanic, set_column_types=TYPES)).to_pandas_dataframe()
    assert frame["Survived"].tolist() == [True, False, None]
    assert frame["Age"].dropna().tolist() == [22]
    assert frame["Price"].dropna().tolist() == [7.25, 8]
    assert frame["Born"].dropna().tolist() == [pd.Timestamp(1890, 2, 1), pd.Timestamp(1880, 3, 2)]
    assert frame["Ticket"].tolist() == ["007", "008", "x"]


def test_whole_columns_get_types_without_missing_values(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Survived,Age\nyes,1\nno,2\n")
    types = {name: TYPES[name] for name in ("Survived", "Age")}
    frame = Dataset.Tabular.from_delimited_files(str(tmp_path / "a.csv"), set_column_types=types).to_pandas_dataframe()
    assert (str(frame["Survived"].dtype), str(frame["Age"].dtype)) == ("bool", "int64")


@pytest.mark.parametrize(("mismatch", "value"), [("true", True), ("false", False)])
def test_other_values_become_what_is_asked_for(titanic: str, mismatch: str, value: bool) -> None:
    types = {"Survived": DataType.to_bool(["1"], ["0"], mismatch_as=mismatch)}
    table = Dataset.Tabular.from_delimited_files(titanic, set_column_types=types)
    assert table.to_pandas_dataframe()["Survived"].tolist() == [True, False, value]


def test_wrong_values_and_names_are_told(titanic: str) -> None:
    table = Dataset.Tabular.from_delimited_files(titanic, set_column_types={"Survived": DataType.to_bool()})
    with pytest.raises(UserErrorException, match=r"Column 'Survived': 'maybe' cannot be converted \(to_bool\)"):
        table.to_pandas_dataframe(on_error="fail")
    with pytest.raises(UserErrorException, match="there is no column 'Nobody' in Survived, Age"):
        Dataset.Tabular.from_delimited_files(titanic, set_column_types={"Nobody": "int"}).to_pandas_dataframe()
    with pytest.raises(UserErrorException, match="Pass both"):
        DataType.to_bool(["1"])
    with pytest.raises(UserErrorException, match="mismatch_as is 'perhaps'"):
        DataType.to_bool(mismatch_as="perhaps")
    with pytest.raises(UserErrorException, match="Columns of files are not supported"):
        DataType.to_stream(None)


def test_other_formats_have_types_too(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": "1"}\n{"a": "0"}\n')
    types = {"a": DataType.to_bool()}
    table = Dataset.Tabular.from_json_lines_files(str(tmp_path / "a.jsonl"), set_column_types=types)
    assert table.to_pandas_dataframe()["a"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("header", "columns", "rows"),
    [
        (PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS, ["a"], [1, 2]),
        (PromoteHeadersBehavior.NO_HEADERS, ["Column1"], ["a", "1", "a", "2"]),
        (True, ["a"], [1, 2]),
    ],
)
def test_headers(tmp_path: Path, header: Any, columns: list[str], rows: list[Any]) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.csv").write_text(f"a\n{number}\n")
    frame = Dataset.Tabular.from_delimited_files(str(tmp_path / "*.csv"), header=header).to_pandas_dataframe()
    assert list(frame) == columns
    assert frame[columns[0]].tolist() == rows


def test_the_header_of_the_first_file_is_that_of_all(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "2.csv").write_text("3,4\n")
    header = PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS
    table = Dataset.Tabular.from_delimited_files(str(tmp_path / "*.csv"), header=header, include_path=True)
    assert table.to_pandas_dataframe()[["a", "b"]].to_numpy().tolist() == [[1, 2], [3, 4]]


@pytest.fixture
def sales(tmp_path: Path) -> str:
    for country, year, month, sold in (("DE", 2026, 2, "3"), ("USA", 2026, 1, "1\n2")):
        folder = tmp_path / "sales" / country / str(year) / f"{month:02}"
        folder.mkdir(parents=True)
        (folder / "data.csv").write_text(f"sold\n{sold}\n")
    return str(tmp_path / "sales" / "**" / "*.csv")


FORMAT = "/{country}/{day:yyyy/MM}/data.csv"


def test_columns_from_paths(sales: str) -> None:
    table: TabularDataset = again(Dataset.Tabular.from_delimited_files(sales, partition_format=FORMAT))
    frame = table.to_pandas_dataframe()
    assert frame["country"].tolist() == ["DE", "USA", "USA"]
    assert frame["day"].tolist() == [pd.Timestamp(2026, 2, 1), *[pd.Timestamp(2026, 1, 1)] * 2]
    assert table.filter(table["country"] == "DE").to_pandas_dataframe()["sold"].tolist() == [3]
    assert table.partition_keys == ["country", "day"]
    assert table.get_partition_key_values(["country"]) == [{"country": "DE"}, {"country": "USA"}]
    assert len(table.with_timestamp_columns("day").time_before(dt.datetime(2026, 1, 15)).to_pandas_dataframe()) == 2


def test_files_chosen_by_their_paths_sizes_and_times(sales: str) -> None:
    files: FileDataset = again(Dataset.File.from_files(sales, partition_format=FORMAT))
    assert files.filter(files["country"] == "USA").to_path() == ["/USA/2026/01/data.csv"]
    small = files.filter(files.file_metadata["Size"] < 8)
    assert again(small).to_path() == ["/DE/2026/02/data.csv"]
    assert small.get_partition_key_values() == [{"country": "DE", "day": dt.datetime(2026, 2, 1)}]
    assert files.filter((files["day"] > dt.datetime(2026, 1, 20)) | (files["country"] == "USA")).take(1).to_path() == [
        "/DE/2026/02/data.csv"
    ]
    assert len(files.filter(files.file_metadata["ModifiedTime"] > dt.datetime(2020, 1, 1)).to_path()) == 2


def test_mistakes_about_files_and_paths_are_told(sales: str) -> None:
    files = Dataset.File.from_files(sales, partition_format=FORMAT)
    with pytest.raises(UserErrorException, match=r"no partition key 'town'. Available: \['country', 'day'\]"):
        _ = files["town"]
    with pytest.raises(UserErrorException, match="no partition key 'town'"):
        files.get_partition_key_values(["town"])
    with pytest.raises(UserErrorException, match=r"There is no file_metadata\['Colour'\]. Available: CanSeek"):
        _ = files.file_metadata["Colour"]
    with pytest.raises(UserErrorException, match="filter needs a condition, such as dataset"):
        files.filter(True)  # type: ignore[arg-type]
    with pytest.raises(UserErrorException, match="must name each value once"):
        Dataset.File.from_files(sales, partition_format="/data.csv")
    with pytest.raises(UserErrorException, match="does not end as partition_format"):
        Dataset.Tabular.from_delimited_files(sales, partition_format="/{a}/other.csv").to_pandas_dataframe()


@pytest.mark.parametrize(
    ("text", "path", "values"),
    [
        ("/{a}/x.csv", "b/x.csv", {"a": "b"}),
        ("{a}.csv", "/deep/b.csv", {"a": "b"}),
        ("/{a}-{b}/*/*.csv", "/z/1-2/any/thing.csv", {"a": "1", "b": "2"}),
        ("/{t:yyyyMMdd}_{t2:HH-mm-ss}.csv", "20260131_23-59-58.csv", None),
    ],
)
def test_formats_of_paths(text: str, path: str, values: dict[str, Any] | None) -> None:
    found = PartitionFormat(text).values(path)
    assert found == (values or {"t": dt.datetime(2026, 1, 31), "t2": dt.datetime(1900, 1, 1, 23, 59, 58)})


@pytest.mark.parametrize("path", ["/2026/13/a.csv", "/20/1/a.csv", "a.csv"])
def test_paths_of_another_format(path: str) -> None:
    with pytest.raises(UserErrorException, match="does not end as partition_format"):
        PartitionFormat("/{t:yyyy/MM}/a.csv").values(path)
