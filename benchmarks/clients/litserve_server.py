"""The model behind LitServe; see deploy.py."""

import os  # no annotations from the future: LitServe reads them, and would take "Request" for a parameter of the query
import pickle
from typing import Any

import litserve
from fastapi import Request


class Digits(litserve.LitAPI):  # type: ignore[misc,unused-ignore]
    """Answers with the digits of rows."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - its name
        """Load the model."""
        with open(os.environ["MODEL"], "rb") as file:
            self.model = pickle.load(file)

    def decode_request(self, request: Request) -> Any:
        """Return the rows of a request."""
        return request["data"]

    def predict(self, rows: Any) -> Any:
        """Return the digit of each row."""
        return self.model.predict(rows).tolist()

    def encode_response(self, output: Any) -> Any:
        """Return the answer."""
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Digits(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), num_api_servers=1, generate_client_file=False)
