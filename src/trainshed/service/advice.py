"""What to do about an exception that ended a script, where that is known."""

from __future__ import annotations

import re
from typing import Any

from trainshed.runtime import legacy

_NO_MODULE = re.compile(r"No module named '([A-Za-z0-9_]+)(\.[\w.]+)?")
_NO_NAME = re.compile(r"cannot import name '(?P<name>\w+)' from '(?P<owner>[\w.]+)'")
_NO_MEMBER = re.compile(r"module '(?P<owner>[\w.]+)' has no attribute '(?P<name>\w+)'")
_NO_METHOD = re.compile(r"'(?P<owner>DataFrame|Series)' object has no attribute '(?P<name>\w+)'")
_OF_NUMPY_2 = re.compile(r"`(?P<owner>np)\.(?P<name>\w+)` was removed in the NumPy 2")
_NO_PARAMETER = re.compile(r"got an unexpected keyword argument '(?P<name>\w+)'")
_NO_BYTES = "binary mode of fromstring is removed"
_NO_DATASET = re.compile(r"'str' object has no attribute '(to_pandas_dataframe|to_path|to_spark_dataframe)'")
_PACKAGES = {
    "Crypto": "pycryptodome",
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "pkg_resources": "setuptools<81",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Name of the package that contains a module, if it differs."""
_LEGACY = (
    ". Current packages no longer have this. To restore it, set environment_variables={'TRAINSHED_LEGACY': '1'}, "
    "or TRAINSHED_LEGACY=1 where you submit"
)
_DATASET = (
    ". This is the path or the id of a dataset. Get the dataset itself with run.input_datasets['name'], for an input "
    "passed as dataset.as_named_input('name'), or with Dataset.get_by_id(workspace, id)"
)


def advice(said: str, environment: dict[str, Any]) -> str:
    """Return what to do about an exception, as the continuation of a sentence, or "".

    Args:
        said: its type and message.
        environment: facts about the run's environment.

    Example:
        >>> advice("ModuleNotFoundError: No module named 'torch'", {})
        ". Add it to the run: pip_packages=['torch'], or 'trainshed submit -p torch'"
        >>> "TRAINSHED_LEGACY" in advice("TypeError: got an unexpected keyword argument 'multi_class'", {})
        True
    """
    if _NO_DATASET.search(said):
        return _DATASET
    if _removed(said) or _NO_BYTES in said:
        return _LEGACY
    missing = _NO_MODULE.search(said)
    if missing is None:
        return ""
    package = _PACKAGES.get(missing[1], missing[1])
    if environment.get("solver") == "existing":
        return f". Install it in {environment.get('python') or 'that Python'}: pip install {package}"
    return f". Add it to the run: pip_packages=['{package}'], or 'trainshed submit -p {package}'"


def _removed(said: str) -> bool:
    """Tell whether a name is missing that ``TRAINSHED_LEGACY`` restores."""
    parameter = _NO_PARAMETER.search(said)
    if parameter is not None:
        return parameter["name"] in legacy.PARAMETERS
    missing = _NO_MODULE.search(said)
    if missing is not None:
        name = f"{missing[1]}{missing[2] or ''}"
        return "." in name and (
            legacy.replacement(name) is not None or any(old.startswith(f"{name}.") for old in legacy.ALIASES)
        )
    for pattern in (_NO_NAME, _NO_MEMBER, _NO_METHOD, _OF_NUMPY_2):
        found = pattern.search(said)
        if found is not None:
            owner, name = found["owner"], found["name"]
            if owner in ("numpy", "np"):
                return name in legacy.NUMPY
            if owner in ("DataFrame", "Series"):
                return name in legacy.PANDAS
            return name in legacy.PYTHON.get(owner, ()) or f"{owner}.{name}" in legacy.ALIASES
    return False
