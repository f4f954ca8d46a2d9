"""What is registered, by name and function: orchestrators, activities, exception classes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import attrs

from perdure.actors.answers import Failure, details_of
from perdure.actors.ids import near_name
from perdure.errors import (
    DefinitionError,
    TaskFailedError,
    UnknownActivityError,
    UnknownOrchestratorError,
)
from perdure.orchestration.definitions import (
    ActivityDefinition,
    OrchestratorDefinition,
    define_activity,
    define_orchestrator,
)


class Registry:
    """Everything that is registered, by name and by function."""

    def __init__(self) -> None:
        self.orchestrators: dict[str, dict[str, OrchestratorDefinition]] = {}
        self.activities: dict[str, ActivityDefinition] = {}
        self.errors: dict[str, type[BaseException]] = {}
        self._by_function: dict[Any, Any] = {}

    def copied(self) -> Registry:
        """All that is registered now; what comes later is not in it."""
        copy = Registry()
        copy.orchestrators = {name: dict(found) for name, found in self.orchestrators.items()}
        copy.activities = dict(self.activities)
        copy.errors = dict(self.errors)
        copy._by_function = dict(self._by_function)
        return copy

    def replacing(self, functions: Mapping[Any, Callable[..., Any]]) -> Registry:
        """The same, where activities run other functions, in threads.

        Args:
            functions: what runs, by activity: its function, or its name.

        Raises:
            UnknownActivityError: one is not registered.
            DefinitionError: what shall run is not well formed.
        """
        copy = self.copied()
        for activity, function in functions.items():
            known = self.activity(activity)
            if known is None:
                raise self._unknown_activity(activity)
            read = define_activity(function, known.name)
            copy.activities[known.name.lower()] = attrs.evolve(
                known,
                function=function,
                takes_context=read.takes_context,
                is_async=read.is_async,
                pool="thread",
            )
            copy._by_function[known.function] = copy.activities[known.name.lower()]  # noqa: SLF001
        return copy

    # ---- registering ----------------------------------------------------------------------

    def add_orchestrator(
        self,
        function: Callable[..., Any],
        name: str | None,
        version: str,
        retention: timedelta | None,
    ) -> None:
        """Register an orchestrator.

        Raises:
            DefinitionError: it is not well formed, or name and version are taken.
        """
        definition = define_orchestrator(function, name, version, retention)
        versions = self.orchestrators.setdefault(definition.name.lower(), {})
        if version in versions:
            what = f"version {version!r} of orchestrator" if version else "orchestrator"
            msg = f"{what} {definition.name!r} is registered already; use another name"
            raise DefinitionError(msg)
        versions[version] = definition
        self._by_function[function] = definition

    def add_activity(
        self, function: Callable[..., Any], name: str | None, **options: Any
    ) -> None:
        """Register an activity.

        Raises:
            DefinitionError: it is not well formed, or the name is taken.
        """
        definition = define_activity(function, name, **options)
        if definition.name.lower() in self.activities:
            msg = f"activity {definition.name!r} is registered already; use another name"
            raise DefinitionError(msg)
        self.activities[definition.name.lower()] = definition
        self._by_function[function] = definition

    def add_error(self, kind: Any) -> None:
        """Register an exception class, to be raised again where a task failed with it.

        Raises:
            DefinitionError: it is no exception class.
        """
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            msg = f"{kind!r} is no exception class"
            raise DefinitionError(msg)
        self.errors[f"{kind.__module__}.{kind.__qualname__}"] = kind

    # ---- looking up -----------------------------------------------------------------------

    def activity(self, activity: Any) -> ActivityDefinition | None:
        """A registered activity by function or name; ``None`` for an unknown name.

        Raises:
            UnknownActivityError: a function that is not registered.
        """
        if isinstance(activity, str):
            return self.activities.get(activity.lower())
        found = self._registered(activity)
        if not isinstance(found, ActivityDefinition):
            raise self._unknown_activity(activity)
        return found

    def _unknown_activity(self, activity: Any) -> UnknownActivityError:
        return UnknownActivityError(not_registered(activity, "activity", self.activities))

    def orchestrator(self, orchestrator: Any, version: str = "") -> OrchestratorDefinition:
        """A registered orchestrator by function or name.

        Args:
            orchestrator: the function, or its name.
            version: the version wanted; of a name that has only one, that one will do, and of
                several the one without a version, else the latest.

        Raises:
            UnknownOrchestratorError: it is not registered, or not in that version.
        """
        if not isinstance(orchestrator, str):
            found = self._registered(orchestrator)
            if not isinstance(found, OrchestratorDefinition):
                raise self._unknown(orchestrator)
            return found
        versions = self.orchestrators.get(orchestrator.lower())
        if not versions:
            raise self._unknown(orchestrator)
        if version in versions:
            return versions[version]
        if version and "" not in versions:
            msg = (
                f"orchestrator {orchestrator!r} is not registered in version {version!r}; "
                f"there is {', '.join(sorted(versions))}"
            )
            raise UnknownOrchestratorError(msg)
        return versions.get("") or versions[max(versions, key=version_key)]

    def _registered(self, function: Any) -> Any:
        try:
            return self._by_function.get(function)
        except TypeError:  # it is not even hashable
            return None

    def _unknown(self, orchestrator: Any) -> UnknownOrchestratorError:
        return UnknownOrchestratorError(
            not_registered(orchestrator, "orchestrator", self.orchestrators)
        )

    def error_of(self, what: str, failure: Failure) -> BaseException:
        """What a failed task raises: the original class where it is registered."""
        details = details_of(failure)
        failed = TaskFailedError(what, details)
        kind = self.errors.get(details.error_type)
        if kind is None:
            return failed
        try:
            error = kind(details.message)
        except Exception:  # its class wants other arguments
            return failed
        error.__cause__ = failed
        return error


def not_registered(asked: Any, what: str, known: Iterable[str]) -> str:
    """What is said when *asked*, a name or a function, is no *what* of the app."""
    if inspect.iscoroutine(asked) or inspect.isgenerator(asked):
        name = asked.__name__
        return f"{name}(…) was called; pass the {what} itself, {name}, and its input beside it"
    names = sorted(name for name in known if not name.startswith("perdure."))  # ours
    told = ", ".join(names) or "none"
    if isinstance(asked, str):
        return (
            f"{asked!r} is no {what} of this app;{near_name(asked, names)} registered: {told}"
        )
    shown = getattr(asked, "__qualname__", repr(asked))
    return f"{shown} is no {what} of this app; use @app.{what}; registered: {told}"


def version_key(version: str) -> tuple[tuple[int, int | str], ...]:
    """Sorts versions as people count them: ``1.9`` before ``1.10``."""
    parts = version.replace("-", ".").split(".")
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts)
