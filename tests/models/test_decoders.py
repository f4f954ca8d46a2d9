"""Every decoder, fuzzed: what is not right is refused with a typed error, and never hangs.

What was found once is kept in ``FOUND`` and tried each time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perdure.actors import answers, control, locks, requests
from perdure.actors.codec import Codec
from perdure.actors.history import fold, history_events, read_state, read_turn
from perdure.actors.ids import EntityId
from perdure.actors.messages import Message, from_row
from perdure.actors.snapshots import Position
from perdure.errors import PerdureError
from perdure.orchestration import state
from perdure.orchestration.history import read_events
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.storage.records import MessageRow, OutcomeRow
from tests.models.damage import damaged, deep
from tests.models.places import app
from tests.models.profiles import TIMES, sized

pytestmark = pytest.mark.timeout(60 * TIMES)

BOX = app.definitions["box"]


def a_message(data: bytes) -> Message:
    return from_row(MessageRow(1, "@box@a", 0, data))


def an_answer(data: bytes) -> None:
    message = Message(
        target="i", operation=answers.ANSWER, input=data, form="value", request_id="1:1"
    )
    try:
        answer = answers.read_answer(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return  # as it says: its orchestration stalls, and the log tells why
    if answer.failure is not None:
        answers.details_of(answer.failure)


def folded(data: bytes) -> object:
    return fold(BOX, None, read_turn(data))


def text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode("utf-8", "replace"))


FRIENDLY = [
    *(b'["add","value",3,"r1",true,"",false]', b'["delete","",null,"sim-1-38",false,"",false]'),
    b'["say","object",{"word":"x","times":2},"q",false,"i",true]',
]
EVENTS = [
    b'[{"event":"changed","operation":"add","time":1,"changes":{"total":3}}]',
    b'[{"event":"changed","operation":"say","time":2,"request":"r","changes":{"words":["x"]},'
    b'"whole":true},{"event":"deleted","operation":"delete","time":3,"caller":"i"}]',
    b'[{"event":"recorded","operation":"s","time":1,"name":"sold","version":1,"data":{"n":1}}]',
]
HISTORY = [
    b'[{"event":"ExecutionStarted","time":1,"name":"clerk","input":0,"generation":"1"}]',
    b'[{"event":"TaskScheduled","time":1,"id":1,"name":"double","input":2},'
    b'{"event":"TaskFailed","time":2,"id":1,"failure":{"error_type":"E","message":"m"}}]',
]
FRAMES = [
    b'{"do":"signal","target":"@box@a","operation":"add","request_id":"r","arguments":[1]}',
    b'{"do":"call","target":"@box@a","operation":"look","request_id":"r","timeout_seconds":1.5}',
    b'{"do":"purge","target":"@box@a","before":"2023-11-14T22:13:20Z"}',
    b'{"do":"orchestrate","command":{"do":"ask"},"timeout_seconds":null}',
]
COMMANDS = [
    b'{"do":"start","name":"helper","instance_id":"i","input":2,"at":"2023-11-14T22:13:20Z"}',
    b'{"do":"raise_event","instance_id":"i","name":"do","data":["stop"]}',
    b'{"do":"ask","instance_id":"i","what":"suspend","reason":"r"}',
    b'{"do":"purge_all","statuses":["Failed"],"created_from":"2023-11-14T22:13:20Z"}',
]
LOCKED = [
    b'#{"section":"1:2","holder":"i"}\n{"total":1}',
    b'#{"section":"1:2","holder":"i","held":{"events":[],"effects":[],"before":null}}\n',
]

DECODERS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "inbox body": (a_message, FRIENDLY),
    "entity turn": (read_turn, EVENTS),
    "entity history": (lambda data: history_events(1, data), EVENTS),
    "folded history": (folded, EVENTS),
    "entity state": (lambda data: read_state(BOX, data), [b'{"total":3,"words":["x"]}', b"{}"]),
    "lock": (locks.lock_of, LOCKED),
    "orchestration's history": (read_events, HISTORY),
    "orchestration's row": (
        lambda data: state.read_state("i", data),
        [b'{"name":"clerk","status":"Running","generation":"1","tags":{"a":"b"},"output":1}'],
    ),
    "outcome": (
        lambda data: requests.outcome_of(OutcomeRow("r", b"d", data, 1)),
        [b"[3,null,null]", b'[null,["E","m",null],null]', b'[null,null,"@box@a"]'],
    ),
    "answer": (an_answer, [b'{"result":3}', b'{"failure":{"error_type":"E","message":"m"}}']),
    "control request": (control.read_request, FRAMES),
    "control answer": (control.read_answer, [b'{"value":1}', b'{"fault":{"kind":"E"}}']),
    "input": (
        lambda data: BOX.operations["say"].decode_input(data, "object"),
        [b'{"word":"x","times":2}'],
    ),
    "position": (text(Position.parse), [b"17.0", b"1.2"]),
    "entity id": (text(EntityId.parse), [b"@box@a", b"@Box@@"]),
    "instance id": (text(checked_instance_id), [b"i", b"a b"]),
}
for kind in (int, float, str, bytes, list[dict[str, int]], tuple[int, ...]):
    DECODERS[f"codec {kind}"] = (
        Codec(kind, "value").decode,
        [b"1", b'[{"a":1}]', b'"eA=="', b"[1]"],
    )

NESTED = [deep(b"[", b"]"), deep(b'{"a":', b"}")]
FOUND: dict[str, list[bytes]] = {
    "position": [b"9" * 5000 + b".0"],
    "entity history": [
        b'[{"event":"changed","operation":"a","time":1,"changes":{"\x80":1}}]',
        b'[{"event":"deleted","operation":"a","time":9223372036854775807}]',
    ],
    "lock": [b"#" + NESTED[0] + b"\n{}", b'#{"section":"1","holder":"i","x":' + NESTED[0]],
    "inbox body": [b'["add","value",' + NESTED[0] + b',"r",true,""]'],
    "entity turn": [b'[{"event":"changed","operation":"a","time":1,"changes":' + NESTED[0]],
    "orchestration's row": [b'{"name":"n","status":"Running","output":' + NESTED[1]],
}


def is_refused_or_read(name: str, data: bytes) -> None:
    """Nothing but a value, or an error of perdure."""
    with suppress(PerdureError):
        DECODERS[name][0](data)


@pytest.mark.parametrize("name", DECODERS)
@sized(25)
@given(chosen=st.data())
def test_a_decoder_reads_or_refuses(name: str, chosen: Any) -> None:
    is_refused_or_read(name, chosen.draw(damaged(DECODERS[name][1])))


@pytest.mark.parametrize("name", DECODERS)
def test_what_was_found_once_is_refused(name: str) -> None:
    for data in [*NESTED, *FOUND.get(name, [])]:
        is_refused_or_read(name, data)


@pytest.mark.parametrize("name", DECODERS)
def test_what_a_decoder_is_made_for_is_read(name: str) -> None:
    decode, good = DECODERS[name]
    read = 0
    for data in good:
        try:
            decode(data)
        except PerdureError:
            continue
        read += 1

    assert read, "the corpus has nothing that this decoder reads"


@sized(40)
@given(data=damaged(COMMANDS))
@example(b'{"do":"raise_event","instance_id":"i","name":"do","data":["\xbe"]}')
def test_an_orchestration_command_is_done_or_refused(data: bytes) -> None:
    with app.open(":memory:") as client:
        try:
            client.orchestrate(data)
        except PerdureError:
            return
