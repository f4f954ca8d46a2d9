"""Forgetting many orchestrations: several at once, as one commit takes many of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from perdure.actors.replies import Reply
from perdure.errors import OperationFailedError
from perdure.orchestration import requests
from perdure.orchestration.refs import OrchestrationRef
from perdure.orchestration.status import PurgeResult

AT_ONCE = 64


def purge_all(
    chosen: Iterable[OrchestrationRef[Any]],
    payload: requests.Purge,
    has_time: Callable[[], bool],
) -> PurgeResult:
    """Forget the *chosen* ones, as long as there is time to begin with another one."""
    under_way: deque[Reply[Any]] = deque()
    deleted = 0
    is_complete = True
    for ref in chosen:
        if not has_time():
            is_complete = False
            break
        under_way.append(ref.send(requests.PURGE, payload))
        if len(under_way) == AT_ONCE:
            deleted += _has_worked(under_way.popleft())
    deleted += sum(map(_has_worked, under_way))
    return PurgeResult(deleted, is_complete)


def _has_worked(purge: Reply[Any]) -> bool:
    try:
        purge.get()
    except OperationFailedError:  # it was started again meanwhile, or is gone
        return False
    return True
