"""Reaches the owner of a store: the process that has it open, or this one with an app."""

from __future__ import annotations

import os
from typing import cast

from perdure.actors.control import AnyRequest
from perdure.actors.control_client import ControlClient, value_of
from perdure.actors.control_server import Served, perform
from perdure.errors import InvalidInputError, NodeClosedError, PerdureError
from perdure.importing import import_from_here
from perdure.orchestration.app import App
from perdure.orchestration.interface import Client
from perdure.remote.connecting import connect

PATIENCE_SECONDS = 5.0
"""How long a server may be away."""


class AppImportError(PerdureError):
    """The user's app cannot be imported: the message says why."""


def load_app(name: str) -> App:
    """Import the app that ``module:app`` names; modules in the current folder are found.

    Raises:
        InvalidInputError: it names no app.
        AppImportError: the import fails.
    """
    module_name, _, attribute = name.partition(":")
    attribute = attribute or "app"
    if module_name.endswith(".py"):
        stem = os.path.splitext(module_name)[0].replace(os.sep, ".")
        msg = f"{name!r} names a file; name it as module:app, such as {stem}:{attribute}"
        raise InvalidInputError(msg)
    module = import_from_here(module_name, AppImportError)
    app = getattr(module, attribute, None)
    if not isinstance(app, App):
        msg = (
            f"{module_name!r} has no perdure.App named {attribute!r}; name it as module:app, "
            f"such as {module_name}:{_apps(module)}"
        )
        raise InvalidInputError(msg)
    return app


def _apps(module: object) -> str:
    named = [name for name, value in vars(module).items() if isinstance(value, App)]
    return named[0] if named else "app"


def ask_owner(store: str, request: AnyRequest, app_name: str | None = None) -> bytes:
    """Have the owner of *store* do something and return its answer, as JSON.

    A URL is asked over HTTP. When no process has a file open and an app is named, this process
    opens it for the moment.

    Raises:
        NodeClosedError: no process has it open, and no app is named.
        PerdureError: what the owner raised.
    """
    if is_url(store):
        return _ask_server(store, request, app_name)
    connection = ControlClient.connect(store)
    if connection is not None:
        with connection:
            return connection.ask(request)
    if app_name is None:
        msg = (
            f"no process has store {store!r} open; start one with perdure run, or name the app "
            "that shall open it now: --app module:app"
        )
        raise NodeClosedError(msg)
    with load_app(app_name).open(store) as client:
        return value_of(perform(client, request))


def is_url(store: str) -> bool:
    """Whether a store is named by where it is served."""
    return store.startswith(("http://", "https://"))


def served_at(url: str, app_name: str | None = None) -> Client:
    """A client of the store that is served there."""
    app = None if app_name is None else load_app(app_name)
    return connect(url, app=app, patience=PATIENCE_SECONDS)


def _ask_server(url: str, request: AnyRequest, app_name: str | None) -> bytes:
    with served_at(url, app_name) as client:
        return value_of(perform(cast("Served", client), request))
