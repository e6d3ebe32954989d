"""API route for container images of web services: what one is built of."""

from __future__ import annotations

import sys
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.environments.packages import sort_out
from trainshed.environments.pypi_names import as_requirements
from trainshed.errors import WebserviceException
from trainshed.service import script_tree
from trainshed.service.context import ServiceContext
from trainshed.service.requests import API, endpoint, field
from trainshed.spec.codec import from_json
from trainshed.spec.environment import MANAGED
from trainshed.spec.run import RunSpec
from trainshed.spec.secrets import masked


def recipe(_: ServiceContext, __: Request, body: Any) -> dict[str, Any]:
    """POST /packages/recipe: ``{"spec"}`` of a web service.

    The answer: ``"requirements"``, the lines of a requirements file; ``"python"``, the Python version; ``"files"``, the
    programs that answer requests, by their paths.
    """
    environment = from_json(RunSpec, field(body, "spec", dict)).environment
    if environment.kind != MANAGED:
        raise WebserviceException(
            f"The environment is the existing Python '{environment.interpreter}', which an image does not have. Name "
            "the packages instead: Environment.from_conda_specification(…), or InferenceConfig(…, conda_file=…)."
        )
    options = [f"--index-url {environment.index_url}"] if environment.index_url else []
    lists = sort_out(environment.conda, environment.pip, [*options, *environment.pip_options], environment.python)
    for option in lists.options:
        if masked(option) != option:
            raise WebserviceException(
                "The package index has a password in its address, which everybody who has the image could read. Remove "
                "it from the environment, and give it to the build: PIP_INDEX_URL."
            )
    requirements = as_requirements(lists.conda, "packages of an image are installed from PyPI")[0]
    return {
        "requirements": [*lists.options, *sorted({*requirements, *lists.pip})],
        "python": lists.python or "{}.{}".format(*sys.version_info),
        "files": {name: path.read_text(encoding="utf-8") for name, path in sorted(script_tree.files().items())},
    }


ROUTES = [Route(f"{API}/packages/recipe", endpoint(recipe), methods=["POST"])]
"""Routes of this module."""
