"""The application: all routes, behind the guard."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from trainshed.errors import TrainshedError
from trainshed.service.catalog import ROUTES as CATALOG
from trainshed.service.context import ServiceContext
from trainshed.service.guard import (
    Guard,
    hung_up_response,
    internal_error_response,
    unknown_route_response,
    user_error_response,
)
from trainshed.service.identity import ROUTES as IDENTITY
from trainshed.service.interactive_routes import ROUTES as INTERACTIVE
from trainshed.service.journal_routes import ROUTES as JOURNAL
from trainshed.service.mlflow.routes import ROUTES as MLFLOW
from trainshed.service.models import ROUTES as MODELS
from trainshed.service.package_routes import ROUTES as PACKAGES
from trainshed.service.page.documents import ROUTES as PAGE
from trainshed.service.page.fragment import ROUTES as FRAGMENT
from trainshed.service.page.live import ROUTES as PAGE_LIVE
from trainshed.service.page.panels import ROUTES as PANELS
from trainshed.service.page.run import ROUTES as PAGE_RUN
from trainshed.service.page.runs import ROUTES as PAGE_RUNS
from trainshed.service.page.services import ROUTES as PAGE_SERVICES
from trainshed.service.page.sweep import ROUTES as SWEEP_SCREEN
from trainshed.service.removal_routes import ROUTES as REMOVAL
from trainshed.service.routes import ROUTES
from trainshed.service.secrets import ROUTES as SECRETS
from trainshed.service.sweep_routes import ROUTES as SWEEPS
from trainshed.service.target_routes import ROUTES as TARGETS
from trainshed.service.transfers import ROUTES as TRANSFERS
from trainshed.service.verify_routes import ROUTES as VERIFY
from trainshed.service.webservices.routes import ROUTES as DEPLOYMENTS
from trainshed.service.workspace_routes import ROUTES as WORKSPACE

ALL = [
    *MLFLOW,  # first, as a training loop waits for each of them
    *INTERACTIVE,
    *IDENTITY,
    *JOURNAL,
    *WORKSPACE,
    *FRAGMENT,
    *PANELS,
    *PAGE,
    *PAGE_RUNS,
    *PAGE_RUN,
    *PAGE_LIVE,
    *SWEEP_SCREEN,
    *PAGE_SERVICES,
    *PACKAGES,
    *ROUTES,
    *TARGETS,
    *TRANSFERS,
    *CATALOG,
    *MODELS,
    *SECRETS,
    *SWEEPS,
    *DEPLOYMENTS,
    *REMOVAL,
    *VERIFY,
]
"""Every route."""


def application(context: ServiceContext, token: str) -> ASGIApp:
    """Return the application that serves a workspace.

    Args:
        context: the service's parts.
        token: the token in the service endpoint file.
    """
    app = Starlette(
        routes=ALL,
        exception_handlers={
            TrainshedError: user_error_response,
            HTTPException: unknown_route_response,
            ClientDisconnect: hung_up_response,
            Exception: internal_error_response,
        },
    )
    access, port = context.access, context.port

    def tokens() -> list[str]:
        # Whoever has taken the port that clients were given could otherwise ask this service, and pass on its answer.
        lasting = access.known if access.port in (0, port) else None
        return [token, lasting] if lasting else [token]

    app.state.context = context
    app.state.tokens = tokens
    return Guard(app, token, port, context.sessions, context.seen, lambda: access.known)
