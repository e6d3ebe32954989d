"""SDK v1's package ``azureml.opendatasets``: MNIST and Diabetes. Its other datasets are on Azure."""

from typing import Any, NoReturn

from trainshed.api.data.open_datasets import MNIST, Diabetes
from trainshed.errors import UserErrorException

__all__ = ["MNIST", "Diabetes"]


class _OnAzure(type):
    """The class of datasets that are on Azure: using one raises an error that says what to do instead."""

    def __call__(cls, *_: object, **__: object) -> NoReturn:
        raise UserErrorException(
            f"{cls.__name__} is one of Azure's open datasets, of which only MNIST and Diabetes are available here. "
            "Download its files, or pass their web addresses to Dataset.Tabular.from_parquet_files(…)."
        )

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return cls


def __getattr__(name: str) -> Any:
    if not name[:1].isupper():
        raise AttributeError(f"module 'azureml.opendatasets' has no attribute '{name}'")
    return _OnAzure(name, (), {"__doc__": "One of Azure's open datasets, which is not available here."})
