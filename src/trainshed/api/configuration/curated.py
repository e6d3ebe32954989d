"""Curated environments of SDK v1 (``AzureML-…``): which packages stand for each."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from trainshed.api.configuration.framework_versions import FRAMEWORKS, choose, number_of, replacement
from trainshed.errors import UserErrorException, did_you_mean

PREFIX = "AzureML-"
_SDK = ("azureml-defaults", "azureml-telemetry", "azureml-train-core")
# From 2021, names tell the operating system and Python, and the environments had more packages.
_FROM_2021 = (
    "azureml-defaults",
    "azureml-mlflow",
    "azureml-telemetry",
    "ipykernel",
    "joblib",
    "matplotlib",
    "numpy",
    "pandas",
    "psutil",
    "scipy",
    "tqdm",
)
_AUTOML = ("azureml-defaults", "azureml-train-automl", "numpy", "pandas", "psutil", "py-cpuinfo")
_DASK = (
    *("azureml-defaults", "azureml-dataprep", "adlfs", "dask-ml[complete]", "dask[complete]", "distributed"),
    *("fastparquet", "fsspec", "joblib", "lz4", "matplotlib", "mpi4py", "pyarrow"),
)
_TUTORIAL = (
    *("azureml-defaults", "azureml-mlflow", "azureml-opendatasets", "azureml-sdk", "azureml-telemetry"),
    *("azureml-tensorboard", "azureml-widgets"),
    *("matplotlib", "mlflow", "numpy", "pandas", "sklearn-pandas", "tqdm"),
)
_PLAIN = (
    (r"minimal(-.*)?", ("azureml-defaults",)),
    (r"automl(-gpu)?", _AUTOML),
    (r"dask-[cg]pu", _DASK),
)
# sklearn-pandas needs a scikit-learn of that time.
_TUTORIALS_SKLEARN = "0.22"
_FRAMEWORKS = {"pytorch": "PyTorch", "tensorflow": "TensorFlow", "chainer": "Chainer", "scikit-learn": "SKLearn"}
_BESIDE = {
    "pytorch": ("future",),
    "scikit-learn": ("joblib", "scipy"),
    "lightgbm": ("dask[complete]", "scikit-learn", "xgboost"),
    "xgboost": ("scikit-learn",),
}
_VERSIONED = re.compile(
    r"(?:acpt-)?(?P<what>pytorch|tensorflow|chainer|scikit-learn|lightgbm|xgboost)-?(?P<version>\d+(?:\.\d+){1,2})"
    r"(?P<rest>-.*)?"
)
_EARLY = re.compile(r"scikit-learn-0\.20\.3|[a-z-]+[\d.]+-[cg]pu")
_LISTED = (
    *("Minimal", "Tutorial", "AutoML", "AutoML-GPU", "Dask-CPU", "Dask-GPU", "Scikit-learn-0.20.3"),
    *(
        f"{framework}-{version}-{kind}"
        for framework in ("Chainer", "PyTorch", "TensorFlow")
        for version in FRAMEWORKS[framework].v1
        for kind in ("CPU", "GPU")
        if version != "7.0.0"
    ),
    *("lightgbm-3.2-ubuntu18.04-py37-cpu", "minimal-ubuntu18.04-py37-cpu-inference"),
    *(f"pytorch-{each}-cuda11-gpu" for each in ("1.7-ubuntu18.04-py37", "1.8-ubuntu18.04-py37")),
    *(f"pytorch-{each}-cuda11-gpu" for each in ("1.9-ubuntu18.04-py37", "1.10-ubuntu18.04-py38")),
    *("sklearn-0.24-ubuntu18.04-py37-cpu", "sklearn-1.0-ubuntu20.04-py38-cpu", "sklearn-1.5"),
    *("tensorflow-2.4-ubuntu18.04-py37-cuda11-gpu", "tensorflow-2.7-ubuntu20.04-py38-cuda11-gpu"),
)
NAMES = tuple(PREFIX + each for each in _LISTED)
"""Curated environments that are listed. Those with other versions of the same frameworks can be used, too."""


class Curated(NamedTuple):
    """Content of a curated environment.

    Attributes:
        pip: pip requirements.
        pythons: version specifier of the supported Python versions, or "" for any.
        notes: messages for the user.
        gpu: whether runs use GPUs.
    """

    pip: tuple[str, ...]
    pythons: str
    notes: tuple[str, ...]
    gpu: bool

    def as_conda(self) -> dict[str, Any]:
        """Return the packages in the format of a conda environment file."""
        python = [f"python{self.pythons}"] if self.pythons else []
        return {"name": "project_environment", "dependencies": [*python, {"pip": list(self.pip)}], "channels": []}


def is_curated(name: object) -> bool:
    """Return whether a name is that of a curated environment, known here or not."""
    return isinstance(name, str) and name.lower().startswith(PREFIX.lower())


def curated(name: str) -> Curated:
    """Return the content of a curated environment: its packages, in the nearest versions that can be installed.

    Args:
        name: e.g. ``"AzureML-PyTorch-1.6-GPU"`` or ``"AzureML-sklearn-1.0-ubuntu20.04-py38-cpu"``.

    Raises:
        UserErrorException: Trainshed does not know the environment.

    Example:
        >>> curated("AzureML-Minimal").pip
        ('azureml-defaults',)
        >>> [each for each in curated("AzureML-sklearn-1.5").pip if each.startswith("scikit-learn")][0]
        "scikit-learn==1.5.*; python_version >= '3.6' and python_version < '3.8'"
    """
    rest = re.sub(r"^sklearn", "scikit-learn", name[len(PREFIX) :].lower())
    gpu = bool(re.search(r"gpu|cuda", rest))
    for pattern, packages in _PLAIN:
        if re.fullmatch(pattern, rest):
            return Curated(packages, "", (_note(name, packages),), gpu)
    if rest == "tutorial":
        return _with_framework(name, "scikit-learn", _TUTORIALS_SKLEARN, _TUTORIAL, gpu)
    found = _VERSIONED.fullmatch(rest)
    if not found:
        raise UserErrorException(
            f"The curated environment '{name}' is not available here.{did_you_mean(name, NAMES)} Environment.list(ws) "
            "shows which are. Or list the packages you need: Environment.from_pip_requirements(...), or "
            "CondaDependencies.create(pip_packages=[...])."
        )
    what, version = found["what"], found["version"]
    common = (*(_SDK if _EARLY.fullmatch(rest) else _FROM_2021), *_BESIDE.get(what, ()))
    if what not in _FRAMEWORKS:
        packages = (*common, f"{what}>={version}")
        return Curated(packages, "", (_note(name, packages),), gpu)
    return _with_framework(name, what, version, common, gpu)


def _with_framework(name: str, what: str, version: str, common: tuple[str, ...], gpu: bool) -> Curated:
    framework = _FRAMEWORKS[what]
    choice = choose(framework, _known(framework, version))
    packages = tuple(dict.fromkeys((*choice.requirements, *common)))
    notes = filter(None, (_note(name, packages), replacement(framework, choice.version, None)))
    return Curated(packages, choice.pythons, tuple(notes), gpu)


def _known(framework: str, version: str) -> str:
    """Return the version, or the latest one of SDK v1 if this framework has no such release that can be installed."""
    row = FRAMEWORKS[framework]
    least = min((number_of(each[0]) for each in row.oldest.values()), default=())
    return version if version in row.v1 or number_of(version) >= least else row.v1[0]


def _note(name: str, packages: tuple[str, ...]) -> str:
    names = dict.fromkeys(re.split(r"[<>=;]", each, maxsplit=1)[0] for each in packages)
    return (
        f"The curated environment {name} stands for these packages here, in the nearest versions that can be "
        f"installed: {', '.join(names)}. Azure ML's image is not used."
    )
