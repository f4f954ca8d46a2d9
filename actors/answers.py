"""Answers: the outcome of a call by another actor, sent back to it as a message."""

from __future__ import annotations

import msgspec

from perdure.actors.behavior import Outcome
from perdure.actors.messages import Message
from perdure.errors import FailureDetails

ANSWER = "$answer"
"""The operation of an answer. No operation of users begins so."""


NULL = msgspec.Raw(b"null")
"""No value: JSON's null."""


class Failure(msgspec.Struct, omit_defaults=True, gc=False):
    """Failure details as they are stored and sent."""

    error_type: str
    message: str
    stack_trace: str | None = None
    inner: Failure | None = None
    properties: dict[str, msgspec.Raw] = {}
    non_retriable: bool = False


class Answer(msgspec.Struct, omit_defaults=True, gc=False):
    """What came of a request: its result, or why there is none."""

    result: msgspec.Raw = NULL
    failure: Failure | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answer).decode


def failure_of(details: FailureDetails) -> Failure:
    """Failure details in their stored form."""
    return Failure(
        details.error_type,
        details.message,
        details.stack_trace,
        None if details.inner_failure is None else failure_of(details.inner_failure),
        {name: msgspec.Raw(_encode(value)) for name, value in details.properties.items()},
        details.is_non_retriable,
    )


def details_of(failure: Failure) -> FailureDetails:
    """Failure details as users see them."""
    return FailureDetails(
        error_type=failure.error_type,
        message=failure.message,
        stack_trace=failure.stack_trace,
        inner_failure=None if failure.inner is None else details_of(failure.inner),
        properties={
            name: msgspec.json.decode(value) for name, value in failure.properties.items()
        },
        is_non_retriable=failure.non_retriable,
    )


def answer_to(message: Message, outcome: Outcome) -> Message:
    """The message that tells the caller of *message* what came of it."""
    if outcome.failure is None:
        answer = Answer(result=msgspec.Raw(outcome.result or b"null"))
    else:
        answer = Answer(failure=failure_of(outcome.failure))
    return Message(
        target=message.caller,
        operation=ANSWER,
        input=_encode(answer),
        form="value",
        request_id=message.request_id,
        caller=message.target,
    )


def read_answer(message: Message) -> Answer:
    """What an answer says; raises ``msgspec.MsgspecError`` when it is damaged."""
    return _decode(message.input)
