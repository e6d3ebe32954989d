"""Restores ``LogisticRegression(multi_class=…)``, which scikit-learn 1.8 removed, for ``TRAINSHED_LEGACY=1``."""

from typing import Any

MODULE = "sklearn.linear_model._logistic"
"""Module to patch."""


def mend(module: Any) -> None:
    """Let logistic regression take ``multi_class``, and ``liblinear`` take more than two classes, as until 2024.

    Args:
        module: scikit-learn's module of logistic regression.
    """
    import functools
    import inspect

    kind = module.LogisticRegression
    parameters = inspect.signature(kind.__init__).parameters
    if "multi_class" in parameters:
        return
    init, fit, predict_proba = kind.__init__, kind.fit, kind.predict_proba
    added = inspect.Parameter("multi_class", inspect.Parameter.KEYWORD_ONLY, default="auto")

    def with_multi_class(self: Any, *args: Any, multi_class: str = "auto", **more: Any) -> None:
        init(self, *args, **more)
        self.multi_class = multi_class

    # scikit-learn copies estimators by the parameters of this signature.
    with_multi_class.__signature__ = inspect.Signature([*parameters.values(), added])  # type: ignore[attr-defined]

    @functools.wraps(fit)
    def fit_each(self: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:  # noqa: N803
        import numpy as np
        from sklearn.base import clone

        classes = np.unique(y)
        if len(classes) < 3 or not _one_against_the_rest(self):
            return fit(self, X, y, sample_weight)
        parts = [fit(clone(self), X, np.ravel(y) == each, sample_weight) for each in classes]
        self.__dict__.update(parts[0].__dict__)
        self.classes_ = classes
        self.coef_ = np.concatenate([part.coef_ for part in parts])
        self.intercept_ = np.concatenate([np.ravel(part.intercept_) for part in parts])
        self.n_iter_ = np.concatenate([np.ravel(part.n_iter_) for part in parts])
        return self

    @functools.wraps(predict_proba)
    def probabilities(self: Any, X: Any) -> Any:  # noqa: N803
        one = _one_against_the_rest(self)
        return self._predict_proba_lr(X) if one and len(self.classes_) > 2 else predict_proba(self, X)

    kind.__init__, kind.fit, kind.predict_proba = with_multi_class, fit_each, probabilities


def _one_against_the_rest(model: Any) -> bool:
    return bool(model.solver == "liblinear" or getattr(model, "multi_class", "auto") == "ovr")
