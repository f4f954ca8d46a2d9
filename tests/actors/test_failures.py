from __future__ import annotations

import pytest

from perdure.actors.failures import MESSAGE_LIMIT, TRACE_LIMIT, describe_failure


class Silent(Exception):  # noqa: N818 - only a name
    def __str__(self) -> str:
        raise RuntimeError


def test_a_failure_tells_type_message_and_trace() -> None:
    with pytest.raises(KeyError) as caught:
        raise KeyError("a")  # noqa: EM101 - short is enough

    details = describe_failure(caught.value)

    assert (details.error_type, details.message) == ("KeyError", "'a'")
    assert details.stack_trace is not None
    assert "test_failures.py" in details.stack_trace


def test_long_texts_lose_their_middle() -> None:
    details = describe_failure(ValueError("a" * 10_000 + "z" * 100_000))

    assert len(details.message) < MESSAGE_LIMIT + 100
    assert details.message.startswith("aaa")
    assert details.message.endswith("zzz")
    assert details.stack_trace is not None
    assert len(details.stack_trace) < TRACE_LIMIT + 100


def test_an_exception_without_message_is_described_all_the_same() -> None:
    details = describe_failure(Silent())

    assert details.error_type.endswith("test_failures.Silent")
    assert "RuntimeError" in details.message


def test_half_a_surrogate_pair_is_written_out() -> None:
    assert describe_failure(ValueError("\ud800")).message == "\\ud800"
