"""The app: which entities there are. It holds no store and does nothing until it is opened."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, overload

from perdure.actors.behavior import Behavior
from perdure.actors.client import EntityClient
from perdure.actors.control import socket_path
from perdure.actors.definition import EntityDefinition, define_entity
from perdure.actors.directory import Directory
from perdure.actors.entity_behavior import EntityBehavior
from perdure.actors.forks import close_in_children
from perdure.actors.node import Node, World
from perdure.actors.retention import Retention
from perdure.actors.threads import ThreadedRuntime
from perdure.actors.tracing import Tracer
from perdure.errors import DefinitionError, InvalidInputError, UnknownEntityError
from perdure.storage.memory import MemoryStore
from perdure.storage.ports import Store
from perdure.storage.sqlite import SqliteStore

D = TypeVar("D", bound=Callable[..., Any])

logger = logging.getLogger("perdure")

MEMORY = ":memory:"
RESERVED = "perdure."
"""What the kinds of perdure's own entities begin with."""
Resolve = Callable[[Any], EntityDefinition | None]
"""Finds what is registered, by class, function or name."""
DURABILITIES = ("power", "process")


class EntityApp:
    """A set of entity kinds. Several apps, and several stores of one, live in one process.

    Args:
        name: what the app is called in errors and by the command line; stores do not know it.
    """

    def __init__(self, name: str = "app") -> None:
        self.name = name
        self.tracer: Tracer | None = None
        self._definitions: dict[str, EntityDefinition] = {}
        self._by_target: dict[Any, EntityDefinition] = {}

    @overload
    def entity(self, target: D, /) -> D: ...
    @overload
    def entity(
        self, /, *, name: str | None = None, retention: timedelta | None = None
    ) -> Callable[[D], D]: ...
    def entity(
        self,
        target: Any = None,
        /,
        *,
        name: str | None = None,
        retention: timedelta | None = None,
    ) -> Any:
        """Register an entity class, or a function of one parameter ``ctx``.

        Args:
            target: the class or function, when used as ``@app.entity``.
            name: the kind's name in the store; the class's name in lower case unless given.
            retention: how old a history may get: while a node runs it drops events that are
                older. ``None`` keeps all. The states stay.

        Raises:
            DefinitionError: it is not well formed, or the name is taken.
        """
        if target is None:
            return partial(self.register, name=name, retention=retention)
        return self.register(target, name, retention)

    def register(
        self, target: Any, name: str | None = None, retention: timedelta | None = None
    ) -> Any:
        """Register one entity class or function and return it; see :meth:`entity`."""
        definition = define_entity(target, name, retention)
        if definition.kind.startswith(RESERVED):
            msg = f"entity {definition.kind!r}: names with {RESERVED!r} are perdure's own"
            raise DefinitionError(msg)
        if definition.kind in self._definitions:
            msg = (
                f"app {self.name!r} has an entity {definition.kind!r} already; give this one "
                "another name: @app.entity(name=…)"
            )
            raise DefinitionError(msg)
        self._definitions[definition.kind] = definition
        self._by_target[target] = definition
        return target

    def build_in(self, target: Any, definition: EntityDefinition) -> None:
        """Have an entity of perdure's own, which is not listed among the app's kinds."""
        self._definitions[definition.kind] = definition
        self._by_target[target] = definition

    def include(self, targets: Iterable[Any]) -> None:
        """Register several entity classes or functions."""
        for target in targets:
            self.register(target)

    @property
    def kinds(self) -> list[str]:
        """The names of the registered kinds, sorted."""
        return sorted(kind for kind in self._definitions if not kind.startswith(RESERVED))

    @property
    def definitions(self) -> dict[str, EntityDefinition]:
        """What is known of each registered kind, by its name."""
        return dict(self._definitions)

    def resolve(self, kind: Any) -> EntityDefinition | None:
        """The definition of a registered class, function or name; ``None`` for other names.

        Raises:
            UnknownEntityError: a class or function that is not registered.
        """
        if isinstance(kind, str):
            return self._definitions.get(kind.lower())
        try:
            return self._by_target[kind]
        except (KeyError, TypeError):
            known = ", ".join(self.kinds) or "none"
            msg = f"{kind!r} is not registered in app {self.name!r}; registered: {known}"
            raise UnknownEntityError(msg) from None

    def open(self, path: str | os.PathLike[str], *, durability: str = "power") -> EntityClient:
        """Open a store and become the node that owns it; ``close()`` it, or use ``with``.

        Args:
            path: of the SQLite file, made when it is not there; ``":memory:"`` for a store
                that ends with the program.
            durability: ``"power"``: what was acknowledged survives a power cut;
                ``"process"``: it survives the process, not always a power cut, and is faster.

        Raises:
            StoreOwnedError: another process has it open.
            StoreOpenError: it cannot be opened; the message says why.
        """
        if durability not in DURABILITIES:
            msg = f"durability {durability!r}: use one of {', '.join(DURABILITIES)}"
            raise InvalidInputError(msg)
        given: object = path
        if not isinstance(given, str | os.PathLike):
            msg = f"path {given!r} is of type {type(given).__name__}; use a str or a Path"
            raise InvalidInputError(msg)
        if "\0" in os.fspath(path):
            msg = f"path {given!r} has a NUL character; leave it out"
            raise InvalidInputError(msg)
        if path == MEMORY:
            memory = MemoryStore.open()
            return self.attach(memory, ThreadedRuntime(memory))
        store = SqliteStore.open(str(path), durability=durability)
        client = self.attach(store, ThreadedRuntime(store))
        try:
            client.serve_control(socket_path(store.location))
        except OSError as error:  # a file system without sockets: all else works
            logger.warning("the command line cannot reach %s: %s", store.location, error)
        return client

    def attach(self, store: Store, world: World) -> EntityClient:
        """Run the app over an open store in a given world; ``open`` and the simulator do."""
        opened, resolve = self.opened()
        node = self.node(store, world, self.behaviors(opened, Directory(resolve)))
        return EntityClient(node, opened, resolve)

    def opened(self) -> tuple[dict[str, EntityDefinition], Resolve]:
        """What is registered now, and what finds it; later registrations are refused."""
        opened = self.definitions

        def resolve(kind: Any) -> EntityDefinition | None:
            found = self.resolve(kind)
            if found is not None and found.kind not in opened:
                msg = (
                    f"entity {found.kind!r} was registered in app {self.name!r} after the "
                    "store was opened; register it first, then open"
                )
                raise UnknownEntityError(msg)
            return found

        return opened, resolve

    def node(self, store: Store, world: World, behaviors: dict[str, Behavior]) -> Node:
        """The node that runs *behaviors* over *store*."""
        node = Node(store, behaviors, world, Retention(self._definitions.values()), self.tracer)
        close_in_children(node)
        return node

    def behaviors(
        self, opened: dict[str, EntityDefinition], directory: Directory
    ) -> dict[str, Behavior]:
        """How each kind of actor decides."""
        return {
            kind: EntityBehavior(definition, directory) for kind, definition in opened.items()
        }
