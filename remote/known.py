"""What a remote client knows of the code: classes and functions, and names for the rest.

With an app it knows what is registered there. Without one a class or a function goes by its own
name. A name that is not known here may be known where it is sent to: then any input will do,
and results are plain JSON values.
"""

from __future__ import annotations

from typing import Any, NoReturn

from perdure.actors.codec import codec_for
from perdure.actors.definition import EntityDefinition, define_entity
from perdure.actors.ids import EntityId
from perdure.errors import UnknownEntityError
from perdure.orchestration.app import App
from perdure.orchestration.definitions import OrchestratorDefinition, define_orchestrator
from perdure.orchestration.programs import Programs
from perdure.orchestration.registry import Registry
from perdure.orchestration.schedules.entity import SCHEDULES, Schedule


class Known:
    """Finds what is known of entities and orchestrators.

    Attributes:
        programs: the orchestrators.
    """

    def __init__(self, app: App | None) -> None:
        self._app = app
        self._by_kind: dict[str, EntityDefinition] = {SCHEDULES.kind: SCHEDULES}
        self._by_class: dict[Any, EntityDefinition] = {Schedule: SCHEDULES}
        if app is None:
            self.programs = Programs(OpenRegistry(None))
        else:
            self._by_kind |= app.definitions
            known = app.programs
            self.programs = Programs(
                OpenRegistry(known.registry), known.version, known.match, known.mismatch
            )

    def entity(self, kind: Any) -> EntityDefinition:
        """What is known of a kind of entity.

        Raises:
            UnknownEntityError: a class that is not registered in the app, or is no entity.
            InvalidIdError: no kind can have that name.
        """
        if isinstance(kind, str):
            name = EntityId(kind, "x").kind
            return self._by_kind.get(name) or EntityDefinition(name, function=_elsewhere)
        try:
            found = self._by_class.get(kind)
        except TypeError as error:  # it is not even hashable
            msg = f"{kind!r} is no entity; use its class, its function, or the kind's name"
            raise UnknownEntityError(msg) from error
        if found is None:
            found = self._by_class[kind] = self._defined(kind)
            self._by_kind.setdefault(found.kind, found)
        return found

    def _defined(self, kind: Any) -> EntityDefinition:
        if self._app is None:
            return define_entity(kind)
        found = self._app.resolve(kind)
        assert found is not None, "an app finds a class, or raises"
        return found


class OpenRegistry(Registry):
    """A registry that takes what it does not know as it comes."""

    def __init__(self, known: Registry | None) -> None:
        super().__init__()
        self._known = known
        self._defined: dict[Any, OrchestratorDefinition] = {}

    def orchestrator(self, orchestrator: Any, version: str = "") -> OrchestratorDefinition:
        """An orchestrator by function or name.

        Raises:
            UnknownOrchestratorError: a function that is not registered in the app.
            DefinitionError: it is no orchestrator.
        """
        if isinstance(orchestrator, str):
            name = orchestrator.lower()
            if self._known is not None and name in self._known.orchestrators:
                return self._known.orchestrator(orchestrator, version)
            plain = codec_for(Any, f"orchestrator {orchestrator}")
            return OrchestratorDefinition(orchestrator, "", _elsewhere, plain, plain)
        if self._known is not None:
            return self._known.orchestrator(orchestrator, version)
        if orchestrator not in self._defined:
            self._defined[orchestrator] = define_orchestrator(orchestrator, None, "")
        return self._defined[orchestrator]


def _elsewhere(_: Any) -> NoReturn:
    """Stands for code that only the server has."""
    msg = "the code is on the server"
    raise NotImplementedError(msg)
