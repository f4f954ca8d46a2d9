"""How an orchestration has ended, as an entity that wanted to know is told."""

from __future__ import annotations

from typing import Any

import attrs

from perdure.errors import FailureDetails


@attrs.frozen(kw_only=True)
class OrchestrationEnd:
    """The end of an orchestration; the input of an operation given to ``context.on_end``.

    Attributes:
        instance_id: which one.
        status: Completed, Failed, Terminated or Canceled; Failed also when it was not started.
        output: of a completed or terminated one, as plain JSON values.
        failure_details: why it failed, was cancelled, or was not started.
    """

    instance_id: str
    status: str
    output: Any = None
    failure_details: FailureDetails | None = None
