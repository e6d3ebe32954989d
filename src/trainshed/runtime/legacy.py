"""Restores names that packages have dropped since 2018, for scripts that still use them (``TRAINSHED_LEGACY=1``).

Nothing here is imported without that variable, and a package is patched only when the script imports it.
"""

import re
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from typing import Any, Callable, Dict, Optional, Tuple

from trainshed.runtime import legacy_sklearn

ALIASES = {
    "sklearn.externals.joblib": "joblib",
    "sklearn.externals.six": "six",
    "sklearn.cross_validation": "sklearn.model_selection",
    "sklearn.grid_search": "sklearn.model_selection",
    "sklearn.learning_curve": "sklearn.model_selection",
    "sklearn.utils.testing": "sklearn.utils._testing",
    "pandas.util.testing": "pandas.testing",
}
"""Removed module → module that replaces it. Modules inside of it are found inside of the other."""
# In 2019, scikit-learn renamed most of its modules, from "name" to "_name" but for these. Models pickled before then
# contain the old names.
_MOVED = {
    "sklearn.cluster.k_means_": "sklearn.cluster._kmeans",
    "sklearn.ensemble.gradient_boosting": "sklearn.ensemble._gb",
    "sklearn.svm.classes": "sklearn.svm._classes",
    "sklearn.tree.tree": "sklearn.tree._classes",
}
_RENAMED = re.compile(r"(sklearn\.[a-z]\w*)\.([a-z]\w*)\Z")

NUMPY: Dict[str, Any] = {
    "bool": bool,
    "int": int,
    "float": float,
    "complex": complex,
    "object": object,
    "str": str,
    "long": int,
    "unicode": str,
    "float_": "float64",
    "complex_": "complex128",
    "unicode_": "str_",
    "string_": "bytes_",
    "Inf": "inf",
    "NaN": "nan",
    "NAN": "nan",
    "product": "prod",
    "cumproduct": "cumprod",
    "alltrue": "all",
    "sometrue": "any",
    "row_stack": "vstack",
    "in1d": "isin",
    "trapz": "trapezoid",
}
"""Removed name of numpy → what replaces it, or its name there."""
PANDAS = ("append", "as_matrix")
"""Removed methods of frames and series."""
PARAMETERS = ("multi_class",)
"""Removed parameters of scikit-learn's classes."""
_ABSTRACT = ("Callable", "Hashable", "Iterable", "Iterator", "Mapping", "MutableMapping", "MutableSequence",
             "MutableSet", "Sequence", "Set", "Sized")  # fmt: skip
PYTHON = {"collections": _ABSTRACT, "time": ("clock",), "inspect": ("getargspec",)}
"""Module of Python → names removed from it."""


def install() -> None:
    """Enable the old names; a second call changes nothing."""
    if not any(isinstance(finder, _Old) for finder in sys.meta_path):
        # Last in the list, so that an existing module takes precedence over its replacement.
        sys.meta_path.append(_Old())
        sys.meta_path.insert(0, _After())
        _mend_python()
        for name, mend in _MENDED.items():
            if name in sys.modules:
                mend(sys.modules[name])


class _Old(MetaPathFinder, Loader):
    """Finds removed modules."""

    def __init__(self) -> None:
        self._own: Tuple[Any, Any] = (None, None)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        """Find the removed modules whose replacement is installed."""
        there = replacement(fullname)
        if there is None or find_spec(there) is None:
            return None
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> Any:
        """Return the replacement module."""
        from importlib import import_module

        module = import_module(str(replacement(spec.name)))
        # Pickles must contain the module's current name.
        self._own = (module.__spec__, module.__loader__)
        return module

    def exec_module(self, module: Any) -> None:
        """Restore the module's own spec, which the import has overwritten."""
        module.__spec__, module.__loader__ = self._own
        module.__name__ = module.__spec__.name


def replacement(name: str) -> Optional[str]:
    """Return the module that replaces a removed one, whether or not it is installed, or None.

    Example:
        >>> replacement("sklearn.linear_model.logistic"), replacement("sklearn.externals.joblib.parallel")
        ('sklearn.linear_model._logistic', 'joblib.parallel')
    """
    renamed = _RENAMED.match(name)
    there = ALIASES.get(name) or _inside(name) or _MOVED.get(name)
    return there or (f"{renamed.group(1)}._{renamed.group(2)}" if renamed else None)


def _inside(name: str) -> Optional[str]:
    """Return where a module inside of a removed one is, e.g. for ``sklearn.externals.joblib.parallel``."""
    outer, _, rest = name.rpartition(".")
    there = ALIASES.get(outer) or (_inside(outer) if outer else None)
    return f"{there}.{rest}" if there else None


class _After(MetaPathFinder):
    """Patches a package right after it is imported."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        """Find the packages in :data:`_MENDED` as usual, but with a loader that patches them."""
        outer = fullname.rpartition(".")[0]
        if outer and replacement(outer) == getattr(sys.modules.get(outer), "__name__", ""):
            # Otherwise, Python would find the same file again, and make a second module with other classes of it.
            return _Old().find_spec(fullname, path, target)
        if fullname not in _MENDED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Mending(spec.loader, _MENDED[fullname])
        return spec


class _Mending(Loader):
    """A loader that patches the module after loading it, and otherwise behaves like the original loader."""

    def __init__(self, loader: Any, mend: Callable[[Any], None]) -> None:
        self._loader, self._mend = loader, mend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> Any:
        """Create the module."""
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        """Execute the module, then patch it."""
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._mend(module)


def _mend_python() -> None:
    """Restore what the standard library has dropped."""
    import collections
    import inspect
    import time
    from collections import abc

    for name in _ABSTRACT:
        _give(collections, name, getattr(abc, name))
    _give(time, "clock", time.perf_counter)
    _give(inspect, "getargspec", lambda function: inspect.getfullargspec(function)[:4])


def _mend_numpy(numpy: Any) -> None:
    for name, value in NUMPY.items():
        now = vars(numpy).get(value) if isinstance(value, str) else value
        if now is not None:
            _give(numpy, name, now)
    now = vars(numpy).get("fromstring")
    if now is not None:
        numpy.fromstring = _with_bytes(now, numpy.frombuffer)


def _with_bytes(fromstring: Any, frombuffer: Any) -> Any:
    def of_text_or_bytes(*args: Any, **more: Any) -> Any:
        """Return an array of the numbers in a text, or, without ``sep``, of bytes."""
        try:
            return fromstring(*args, **more)
        except ValueError:
            if more.get("sep"):
                raise
            return frombuffer(*args, **more).copy()

    return of_text_or_bytes


def _mend_pandas(pandas: Any) -> None:
    def append(
        self: Any, other: Any, ignore_index: bool = False, verify_integrity: bool = False, sort: bool = False
    ) -> Any:
        """Return the rows of both frames."""
        parts = list(other) if isinstance(other, (list, tuple)) else [other]
        frames = [pandas.DataFrame([part]) if isinstance(part, (dict, pandas.Series)) else part for part in parts]
        frames = parts if isinstance(self, pandas.Series) else frames
        return pandas.concat([self, *frames], ignore_index=ignore_index, verify_integrity=verify_integrity, sort=sort)

    def as_matrix(self: Any, columns: Any = None) -> Any:
        """Return the values."""
        return (self if columns is None else self[columns]).values

    for kind in (pandas.DataFrame, pandas.Series):
        _give(kind, "append", append)
        _give(kind, "as_matrix", as_matrix)


def _give(owner: Any, name: str, value: Any) -> None:
    # Looks in the dict, because getattr of a dropped name in numpy and pandas warns or raises.
    if not any(name in vars(kind) for kind in getattr(owner, "__mro__", (owner,))):
        setattr(owner, name, value)


_MENDED: Dict[str, Callable[[Any], None]] = {
    "numpy": _mend_numpy,
    "pandas": _mend_pandas,
    legacy_sklearn.MODULE: legacy_sklearn.mend,
}
