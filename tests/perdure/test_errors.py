"""Errors cross processes, and name what there is to be named."""

from __future__ import annotations

import pickle
import sqlite3

import pytest

import perdure
from perdure import errors
from perdure.errors import FailureDetails
from perdure.storage.sqlite.failures import meaning_of

DETAILS = FailureDetails(error_type="ValueError", message="no", stack_trace="line 1")

ERRORS: list[BaseException] = [
    errors.OperationFailedError("@cart@a", "add", DETAILS),
    errors.OrchestrationFailedError("o1", "Failed", DETAILS),
    errors.TaskFailedError("activity charge", DETAILS),
    errors.ReplyTimeoutError("r1", 1.5),
    errors.OutcomeUnknownError("r1", "no disk"),
    errors.MailboxFullError("full", ("r1",)),
    errors.StoreOwnedError("shop.db", 17),
    errors.ExtraMissingError("serve", "http", "no starlette"),
    errors.NonDeterminismError("o1", ["a"], ["b"], "shop.py:3"),
    errors.InvalidInputError("wrong"),
    errors.CancelledError("enough"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_that_was_pickled_is_the_same(error: BaseException) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_a_wait_for_an_orchestration_names_it_and_no_request() -> None:
    late = str(errors.ReplyTimeoutError("", 1, "o1", "result"))
    unbegun = str(errors.ReplyTimeoutError("", 1, "o1", "start"))

    assert "orchestration 'o1' has not ended within 1 s" in late
    assert "client.why('o1')" in late
    assert "has not begun" in unbegun


def test_the_errors_are_reached_by_the_name_of_the_package() -> None:
    assert perdure.errors is errors


def test_a_path_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(errors.InvalidInputError, match="has a NUL character"):
        perdure.App().open("shop\0.db")


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY])
def test_a_store_that_cannot_be_read_tells_what_to_look_at(code: int) -> None:
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = code

    told = str(meaning_of(error, "shop.db"))

    assert "'shop.db'" in told
    assert "check its owner and permissions" in told
