"""The opt-in shim, in Pythons of its own: packages are stand-ins of the test, so that nothing need be installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainshed.node.variables import python_path
from trainshed.spec.run import RunSpec

NUMPY = """
def __getattr__(name):
    raise AttributeError(f"module 'numpy' has no attribute '{name}'")
prod, float64, bool_, str_, inf = 'prod', 'float64', 'bool_', 'str_', 'inf'
long = 'its own'
"""
PACKAGES = {
    "numpy/__init__.py": NUMPY,
    "joblib/__init__.py": "class Memory: pass\ndef dump(value): return value",
    "joblib/numpy_pickle.py": "class NumpyArrayWrapper: pass",
    "sklearn/__init__.py": "",
    "sklearn/linear_model/__init__.py": "",
    "sklearn/linear_model/_ridge.py": "class Ridge: pass",
    "sklearn/linear_model/_of_today.py": "",
    "sklearn/tree/__init__.py": "",
    "sklearn/tree/_classes.py": "class DecisionTreeClassifier: pass",
    "sklearn/externals/__init__.py": "",
    "sklearn/model_selection.py": "KFold = 'KFold'",
    "pandas/__init__.py": """
class Series: pass
class DataFrame:
    values = 'values'
    def __init__(self, rows): self.rows = rows
def concat(parts, **how): return [part.rows for part in parts]
""",
}


def run(tmp_path: Path, tree: Path, code: str, legacy: str = "1", more: dict[str, str] | None = None) -> str:
    site = tmp_path / "site"
    for name, text in {**PACKAGES, **(more or {})}.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    asked = {"TRAINSHED_LEGACY": legacy}
    path = python_path(str(tree), RunSpec("legacy", script="train.py", environment_variables=asked))
    env = {**asked, "PYTHONPATH": f"{path}{os.pathsep}{site}", "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-S", "-c", f"import site; site.execsitecustomize()\n{code}"],
                          env=env, capture_output=True, text=True, check=False)  # fmt: skip
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("code", "prints"),
    [
        ("import numpy as np; print(np.float(1), np.int('2'), np.bool(0), np.str(3), np.object)", "1.0 2 False 3 <class 'object'>"),
        ("import numpy as np; print(np.product, np.float_, np.Inf, np.long)", "prod float64 inf its own"),
        ("import numpy as np; np.trapz", "AttributeError: module 'numpy' has no attribute 'trapz'"),
        ("import numpy as np; print(np.__spec__.loader.__class__.__name__)", "SourceFileLoader"),
        ("from sklearn.externals import joblib; print(joblib.dump(1))", "1"),
        ("import sklearn.externals.joblib as j; import joblib; print(j is joblib, j.__name__, j.__spec__.name)", "True joblib joblib"),
        ("from sklearn.externals.joblib import Memory; print(Memory.__module__)", "joblib"),
        ("import joblib; from sklearn.externals import joblib as j; import importlib; print(importlib.reload(joblib) is j)", "True"),
        ("from sklearn.grid_search import KFold; print(KFold)", "KFold"),
        # What a model that was pickled in 2018 names.
        ("from sklearn.externals.joblib.numpy_pickle import NumpyArrayWrapper as w; import joblib.numpy_pickle as n; print(w is n.NumpyArrayWrapper)", "True"),
        ("import pickle; print(pickle.loads(b'csklearn.linear_model.ridge\\nRidge\\n.').__module__)", "sklearn.linear_model._ridge"),
        ("from sklearn.tree.tree import DecisionTreeClassifier as d; print(d.__module__)", "sklearn.tree._classes"),
        ("import sklearn.linear_model.lasso", "ModuleNotFoundError: No module named 'sklearn.linear_model.lasso'"),
        ("from sklearn.externals import six", "ImportError: cannot import name 'six' from 'sklearn.externals'"),
        ("import pandas as pd; print(pd.DataFrame(1).append(pd.DataFrame(2)), pd.DataFrame(1).as_matrix())", "[1, 2] values"),
        ("import collections, time, inspect; print(collections.Mapping.__name__, time.clock() > 0, inspect.getargspec(lambda a, b=1: 0)[0])",
         "Mapping True ['a', 'b']"),
        ("import trainshed.runtime.legacy as l, sys; n = len(sys.meta_path); l.install(); print(len(sys.meta_path) == n)", "True"),
        ("import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'import numpy; print(numpy.float)'], capture_output=True, text=True).stdout)",
         "<class 'float'>"),
    ],
)  # fmt: skip
def test_old_names_work_where_they_are_asked_for(tmp_path: Path, tree: Path, code: str, prints: str) -> None:
    assert run(tmp_path, tree, code).startswith(prints)


@pytest.mark.parametrize("legacy", ["", "0"])
def test_without_being_asked_for_nothing_is_touched(tmp_path: Path, tree: Path, legacy: str) -> None:
    assert "no attribute 'float'" in run(tmp_path, tree, "import numpy; numpy.float", legacy)
    assert "No module named" in run(tmp_path, tree, "import sklearn.externals.joblib", legacy)
    assert run(tmp_path, tree, "import sys; print('trainshed.runtime.legacy' in sys.modules)", legacy) == "False"


def test_a_module_that_is_there_goes_before_its_stand_in(tmp_path: Path, tree: Path) -> None:
    more = {"sklearn/externals/joblib.py": "old = 'its own'"}
    assert run(tmp_path, tree, "from sklearn.externals import joblib; print(joblib.old)", more=more) == "its own"


def test_the_users_own_sitecustomize_is_run_too(tmp_path: Path, tree: Path) -> None:
    more = {"sitecustomize.py": "import numpy\nVALUE = numpy.float"}
    code = "import sitecustomize; print(sitecustomize.VALUE, sitecustomize.__file__.split('/')[-2])"
    assert run(tmp_path, tree, code, more=more) == "<class 'float'> site"


TUTORIAL = """
from trainshed.runtime import legacy
legacy.install()
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
x, y = load_digits(n_class=3, return_X_y=True)
clf = LogisticRegression(C=1.0 / 0.5, solver="liblinear", multi_class="auto", random_state=42).fit(x, y)
print(clf.score(x, y) > 0.99, clf.coef_.shape, clf.predict_proba(x[:1]).sum().round(9), sorted(map(int, set(clf.predict(x)))))
each = clone(LogisticRegression(multi_class="ovr", max_iter=30)).fit(x, y, [1.0] * len(y))
import numpy as np
print(np.fromstring(b"\\x01\\x02", dtype=np.uint8), np.fromstring("1 2", sep=" "))
print(each.get_params()["multi_class"], each.n_iter_.shape, LogisticRegression(max_iter=30).fit(x, y == 1).coef_.shape)
"""


def test_the_model_of_the_first_tutorial_with_todays_scikit_learn() -> None:
    pytest.importorskip("sklearn")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", TUTORIAL], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "True (3, 64) 1.0 [0, 1, 2]",
        "[1 2] [1. 2.]",
        "ovr (3,) (1, 64)",
    ], done.stderr
