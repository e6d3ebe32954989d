"""The model behind BentoML; see deploy.py."""

from __future__ import annotations

import os
import pickle

import bentoml


@bentoml.service(workers=1)
class Digits:
    """Answers with the digits of rows."""

    def __init__(self) -> None:
        with open(os.environ["MODEL"], "rb") as file:
            self.model = pickle.load(file)

    @bentoml.api
    def predict(self, data: list[list[float]]) -> list[int]:
        """Return the digit of each row."""
        found: list[int] = self.model.predict(data).tolist()
        return found
