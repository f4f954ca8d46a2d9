"""Retries: whether a failed task is tried again, and when. Times are the orchestration's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs

from perdure.errors import FailureDetails, InvalidInputError


def _check_optional(instance: Any, field: Any, value: timedelta | None) -> None:
    if value is not None:
        _check_duration(instance, field, value)


def _check_duration(_: Any, field: Any, value: timedelta) -> None:
    given: object = value
    if not isinstance(given, timedelta) or value <= timedelta():
        msg = f"{field.name}={value!r}: use a timedelta longer than 0"
        raise InvalidInputError(msg)


def _check_attempts(_: Any, __: Any, value: int) -> None:
    given: object = value
    if type(given) is not int or value < 1:
        msg = f"max_number_of_attempts={value!r}: use an int from 1, with the first attempt"
        raise InvalidInputError(msg)


def _check_coefficient(_: Any, __: Any, value: float) -> None:
    given: object = value
    if not isinstance(given, int | float) or not 1 <= value < float("inf"):
        msg = f"backoff_coefficient={value!r}: use a number from 1"
        raise InvalidInputError(msg)


def _check_jitter(_: Any, __: Any, value: float) -> None:
    given: object = value
    if not isinstance(given, int | float) or not 0 <= value <= 1:
        msg = f"jitter={value!r}: use a number from 0 to 1"
        raise InvalidInputError(msg)


def _check_handler(_: Any, __: Any, value: Callable[[FailureDetails], bool] | None) -> None:
    given: object = value
    if given is not None and not callable(given):
        msg = f"handle_failure={value!r}: use a function that takes FailureDetails"
        raise InvalidInputError(msg)


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How a failed activity or child is tried again.

    The wait before attempt n + 1 is ``first_retry_interval * backoff_coefficient ** (n - 1)``,
    at most ``max_retry_interval``; it is a durable timer. Failures that say of themselves that
    they are not retriable end it.

    Attributes:
        first_retry_interval: the wait before the second attempt.
        max_number_of_attempts: with the first one.
        backoff_coefficient: at least 1.
        max_retry_interval: the longest wait.
        retry_timeout: no attempt begins later than so long after the first, measured in the
            orchestration's time.
        handle_failure: says whether a failure is worth another attempt; deterministic.
        jitter: up to this part of each wait is left out at random (0 to 1), by the
            orchestration's own random numbers.
    """

    first_retry_interval: timedelta = attrs.field(validator=_check_duration)
    max_number_of_attempts: int = attrs.field(validator=_check_attempts)
    backoff_coefficient: float = attrs.field(default=1.0, validator=_check_coefficient)
    max_retry_interval: timedelta | None = attrs.field(default=None, validator=_check_optional)
    retry_timeout: timedelta | None = attrs.field(default=None, validator=_check_optional)
    handle_failure: Callable[[FailureDetails], bool] | None = attrs.field(
        default=None, validator=_check_handler
    )
    jitter: float = attrs.field(default=0.0, validator=_check_jitter)


_LONGEST = timedelta(days=36_500)


def delay_micros(
    policy: RetryPolicy,
    failure: FailureDetails,
    *,
    attempt: int,
    since_first_micros: int,
    draw: Callable[[], float],
) -> int | None:
    """How long to wait before the next attempt; ``None`` when there is none.

    Args:
        policy: the rules.
        failure: of the attempt that has just failed.
        attempt: its number, from 1.
        since_first_micros: how long ago the first attempt was scheduled.
        draw: a random number from 0 to 1, asked only where there is jitter.
    """
    if failure.is_non_retriable or attempt >= policy.max_number_of_attempts:
        return None
    if policy.handle_failure is not None and not policy.handle_failure(failure):
        return None
    longest: timedelta = policy.max_retry_interval or _LONGEST
    try:
        grown = policy.first_retry_interval * policy.backoff_coefficient ** (attempt - 1)
    except OverflowError:
        grown = longest
    delay: timedelta = min(grown, longest)
    if policy.jitter:
        delay *= 1 - policy.jitter * draw()
    micros = delay // timedelta(microseconds=1)
    timeout = policy.retry_timeout
    if timeout is not None:
        limit = timeout // timedelta(microseconds=1)
        if since_first_micros + micros > limit:
            return None
    return micros
