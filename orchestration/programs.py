"""Which code runs an orchestration: names, versions, and how they must match."""

from __future__ import annotations

from typing import Any

import attrs

from perdure.actors.answers import Failure
from perdure.actors.directory import Resolve
from perdure.errors import DefinitionError, UnknownOrchestratorError
from perdure.orchestration.context import OrchestrationContext
from perdure.orchestration.definitions import OrchestratorDefinition
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import ExecutionStarted
from perdure.orchestration.registry import Registry, version_key
from perdure.orchestration.state import InstanceState

MATCHES = ("none", "strict", "current_or_older")
MISMATCHES = ("leave_pending", "fail")


@attrs.frozen(eq=False)
class OrchestratorProgram:
    """One orchestrator's code, ready to be started."""

    _definition: OrchestratorDefinition
    _registry: Registry
    _resolve: Resolve

    def start(self, execution: Execution, started: ExecutionStarted) -> Any:
        """Call the function."""
        context = OrchestrationContext(execution, self._registry, self._resolve)
        definition = self._definition
        if definition.input is None:
            return definition.function(context)
        return definition.function(context, definition.input.decode(started.input))

    def encode_output(self, value: Any) -> bytes:
        """The result as JSON."""
        codec = self._definition.output
        return codec.encode(value)

    def error_of(self, what: str, failure: Failure) -> BaseException:
        """What a failed task raises."""
        return self._registry.error_of(what, failure)


@attrs.frozen(eq=False)
class Programs:
    """The registered code, and which versions of instances this app runs.

    Attributes:
        registry: what is registered.
        version: the app's; empty for none.
        match: ``none``: any; ``strict``: only the app's own; ``current_or_older``: not newer.
        mismatch: what becomes of the others: ``leave_pending``: they wait for an app that
            matches; ``fail``: they fail.
    """

    registry: Registry
    version: str = ""
    match: str = "none"
    mismatch: str = "leave_pending"

    def __attrs_post_init__(self) -> None:
        given: object = self.version
        if not isinstance(given, str):
            msg = f"version={self.version!r}: use a str"
            raise DefinitionError(msg)
        for option, value, known in (
            ("version_match", self.match, MATCHES),
            ("version_mismatch", self.mismatch, MISMATCHES),
        ):
            if value not in known:
                msg = f"{option}={value!r}: use one of {', '.join(known)}"
                raise DefinitionError(msg)

    def must_fail(self, version: str) -> bool:
        """Whether an instance of that version fails here, instead of waiting."""
        return self.mismatch == "fail" and not self._matches(version)

    def check(self, name: str, version: str) -> None:
        """Raise unless such an instance can run here.

        Raises:
            UnknownOrchestratorError: it is not registered, or its version does not match.
        """
        self._find(name, version)

    def program(self, state: InstanceState, resolve: Resolve) -> OrchestratorProgram:
        """The code for an instance.

        Raises:
            UnknownOrchestratorError: it is not registered, or its version does not match.
        """
        return OrchestratorProgram(
            self._find(state.name, state.version), self.registry, resolve
        )

    def retention_micros(self, state: InstanceState) -> int:
        """How long an instance is remembered after its end; 0 for ever."""
        try:
            return self._find(state.name, state.version).retention_micros
        except UnknownOrchestratorError:
            return 0

    def _find(self, name: str, version: str) -> OrchestratorDefinition:
        if not self._matches(version):
            msg = (
                f"orchestrator {name!r} in version {version!r} does not match the app's "
                f"version {self.version!r} ({self.match}); deploy an app that does"
            )
            raise UnknownOrchestratorError(msg)
        return self.registry.orchestrator(name, version)

    def _matches(self, version: str) -> bool:
        if self.match == "strict":
            return version == self.version
        if self.match == "current_or_older":
            return version_key(version) <= version_key(self.version)
        return True
