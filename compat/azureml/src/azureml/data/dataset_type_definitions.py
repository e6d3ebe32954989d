"""SDK v1's module ``azureml.data.dataset_type_definitions``."""

from enum import Enum

from azureml import _made
from trainshed.api.data.column_types import PromoteHeadersBehavior


class FileEncoding(Enum):
    """Encodings of delimited files."""

    UTF8 = "utf8"
    ISO88591 = "iso88591"
    LATIN1 = "latin1"
    ASCII = "ascii"
    UTF16 = "utf16"
    UTF8BOM = "utf8bom"
    WINDOWS1252 = "windows1252"


class SkipLinesBehavior(Enum):
    """Which files have lines to skip, for ``skip_mode`` of ``Dataset.from_delimited_files``."""

    NO_ROWS = 0
    FROM_FIRST_FILE_ONLY = 1
    FROM_ALL_FILES = 2


class HistogramCompareMethod(Enum):
    """How profiles of datasets are compared, in SDK v1."""

    WASSERSTEIN = 0
    ENERGY = 1


__all__ = [
    "FileEncoding",
    "HistogramCompareMethod",
    "PromoteHeadersBehavior",
    "SkipLinesBehavior",
    *_made.names("data.dataset_type_definitions"),
]

__getattr__ = _made.lookup("data.dataset_type_definitions")
