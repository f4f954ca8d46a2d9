"""What a remote client asks, one route for each kind of it; the shapes are ``remote/wire.py``.

Every message has a request id, and its outcome is kept: a client that lost its connection asks
the same again, and it is done once. What takes longer than one request may wait is asked for
again too, and joins the first; so nothing here holds a thread while it waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from perdure.actors.context import to_datetime, to_micros
from perdure.actors.definition import EntityDefinition
from perdure.actors.faults import fault_of
from perdure.actors.ids import INSTANCES, EntityId, checked_name, kind_of
from perdure.actors.locks import lock_of, shown_state
from perdure.actors.messages import Message
from perdure.actors.operations import operation_name
from perdure.actors.replies import Reply
from perdure.actors.snapshots import checked_limit
from perdure.errors import InvalidInputError, PerdureError, ReplyTimeoutError
from perdure.gateway.engine import Engine, answered
from perdure.gateway.http.answers import answer, status_of
from perdure.gateway.http.operations import ADMIN, OPERATE, READ, Endpoint, Operation
from perdure.gateway.http.pages import read_page
from perdure.gateway.limits import ENGINE_SECONDS, PAGE_BYTES, WAIT_SECONDS
from perdure.gateway.remote.commands import instance_message
from perdure.gateway.remote.upkeep import WholeStore
from perdure.gateway.security.access import authorise, role_for_message
from perdure.orchestration.schedules.plan import Plan, check_plan
from perdure.remote import wire
from perdure.storage.records import StoredState

Does = Callable[[Any], Awaitable[wire.Answer | Response]]

_ROLES: dict[type[wire.Ask], str] = {
    wire.Signal: OPERATE,
    wire.Call: OPERATE,
    wire.PurgeMany: ADMIN,
    wire.PurgeHistory: ADMIN,
    wire.Redrive: ADMIN,
    wire.Discard: ADMIN,
    wire.Verify: ADMIN,
    wire.Backup: ADMIN,
}
"""Who may ask what; the others only look."""

_write = msgspec.json.Encoder().encode
_NO_ANSWER = wire.Answer(late=True)
_AT_ONCE = 1_000
"""Messages in one request."""


class Calls:
    """What a remote client can ask."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._client = engine.client
        self._whole = WholeStore(engine)
        self._read_by: list[tuple[type[wire.Ask], Callable[[Any], Any]]] = [
            (wire.Entity, self._entity),
            (wire.Entities, self._entities),
            (wire.History, self._history),
            (wire.Past, self._past),
            (wire.Instance, self._instance),
            (
                wire.Export,
                lambda ask: msgspec.Raw(self._client.export_instance(ask.instance_id)),
            ),
            (wire.Activities, lambda ask: self._client.running_activities(ask.instance_id)),
            (wire.Query, self._query),
            (wire.Count, lambda ask: self._client.count(prefix=ask.prefix, name=ask.name)),
            (wire.Why, lambda ask: self._client.why(ask.address)),
            (wire.Status, lambda _: self._client.status()),
            (wire.Quarantine, self._quarantine),
            (wire.Redrive, lambda ask: self._client.redrive(ask.id)),
            (wire.Discard, lambda ask: self._client.discard(ask.id)),
            (wire.PurgeMany, self._purge_many),
            (wire.PurgeHistory, self._purge_history),
        ]

    def operations(self) -> list[Operation]:
        """The routes."""
        waiting: list[tuple[type[wire.Ask], Does]] = [
            (wire.Signal, self._signal),
            (wire.Call, self._call),
            (wire.Wait, self._wait),
            (wire.Verify, self._whole.verify),
            (wire.Backup, self._whole.backup),
        ]
        reading = [(kind, self._reading(look)) for kind, look in self._read_by]
        return [_operation(kind, does) for kind, does in (*waiting, *reading)]

    def _reading(self, look: Callable[[Any], Any]) -> Callable[[Any], Awaitable[wire.Answer]]:
        async def read(ask: Any) -> wire.Answer:
            value = await self._engine.read(lambda: _write(look(ask)))
            return wire.Answer(value=msgspec.Raw(value))

        return read

    # ---- messages -------------------------------------------------------------------------

    async def _signal(self, ask: wire.Signal) -> wire.Answer:
        if not 0 < len(ask.messages) <= _AT_ONCE:
            msg = f"{len(ask.messages)} messages at once: use 1 to {_AT_ONCE}"
            raise InvalidInputError(msg)
        messages = [self._message(sent) for sent in ask.messages]
        reply = await self._engine.send(lambda: self._client.send_chunk(messages))
        try:
            await answered(reply, ENGINE_SECONDS)
        except ReplyTimeoutError:
            return _NO_ANSWER
        return wire.Answer()

    async def _call(self, ask: wire.Call) -> wire.Answer:
        message = self._message(ask.message)
        if message.due_micros:
            msg = f"{message.target}: a call is for now; only signals can be sent for a time"
            raise InvalidInputError(msg)
        reply = await self._engine.send(lambda: self._client.send_call(message, bytes))
        return await _answer(reply, ask.seconds)

    async def _wait(self, ask: wire.Wait) -> wire.Answer:
        if ask.what not in ("result", "start"):
            msg = f"what={ask.what!r}: use result or start"
            raise InvalidInputError(msg)
        waits = self._client.waits
        watch = waits.watch(self._client.orchestration(ask.instance_id).id)
        reply = await self._engine.read(lambda: waits.wait(watch, ask.what, bytes))
        try:
            return await _answer(reply, ask.seconds)
        finally:
            waits.forget(watch, reply)

    def _message(self, sent: wire.Sent) -> Message:
        """A message as it came, checked as the embedded client checks its own."""
        message = Message(
            target=sent.target,
            operation=operation_name(sent.operation),
            input=bytes(sent.input) if sent.form else b"",
            form=sent.form,
            request_id=checked_name("request id", sent.request_id),
            chosen=True,
            due_micros=max(0, sent.due_micros),
        )
        if kind_of(sent.target) == INSTANCES:
            return instance_message(self._client.programs, message)
        target = EntityId.parse(sent.target)
        message.target = str(target)
        spec = self._client.definition_of(target.kind).operation(message.operation)
        if spec is not None:
            arguments, _ = spec.decode_input(message.input, message.form)
            for plan in arguments[-1:]:
                if isinstance(plan, Plan):  # of a schedule: what it starts must be here
                    check_plan(self._client.programs, plan)
        return message

    # ---- entities -------------------------------------------------------------------------

    def _entity(self, ask: wire.Entity) -> wire.Snapshot | None:
        target, _ = self._known(ask.target)
        self._client.node.check_open()
        row = self._client.node.store.state(str(target))
        return None if row is None else _snapshot(row)

    def _entities(self, ask: wire.Entities) -> dict[str, Any]:
        kind = None if ask.kind is None else self._client.definition_of(ask.kind).kind
        start = "@" if kind is None else f"@{kind}@{ask.prefix}"
        unreadable: list[wire.NotReadable] = []

        def step(behind: str, count: int) -> tuple[list[Any], str | None]:
            rows = self._client.node.store.states(
                start,
                after=behind,
                limit=count,
                modified_from=None
                if ask.modified_from is None
                else to_micros(ask.modified_from),
                modified_to=None if ask.modified_to is None else to_micros(ask.modified_to),
            )
            unreadable.extend(
                wire.NotReadable(address=row.stream, reason=row.corrupt)
                for row in rows
                if row.corrupt is not None
            )
            found = [_snapshot(row) for row in rows if row.corrupt is None]
            following = rows[-1].stream if len(rows) == count else None
            return [one for one in found if one is not None], following

        self._client.node.check_open()
        items, following = read_page(step, ask.after, checked_limit(ask.limit))
        return {"items": items, "next": following, "unreadable": unreadable}

    def _history(self, ask: wire.History) -> list[msgspec.Raw]:
        target, _ = self._known(ask.target)
        events = self._client.read_history(target, ask.after_version)
        found: list[msgspec.Raw] = []
        weight = 0
        for event in islice(events, checked_limit(ask.limit)):
            found.append(msgspec.Raw(_write(event)))
            weight += len(found[-1])
            if weight > PAGE_BYTES:
                break
        return found

    def _past(self, ask: wire.Past) -> msgspec.Raw | None:
        target, _ = self._known(ask.target)
        moment = ask.version if ask.version is not None else ask.time
        if moment is None:
            msg = "give either version or time"
            raise InvalidInputError(msg)
        state = self._client.read_past(target, moment)
        return None if state is None else msgspec.Raw(state)

    def _purge_history(self, ask: wire.PurgeHistory) -> int:
        target, _ = self._known(ask.target)
        return self._client.purge_history(
            target, up_to_version=ask.up_to_version, before=ask.before, keep=ask.keep
        )

    def _known(self, address: str) -> tuple[EntityId, EntityDefinition]:
        target = EntityId.parse(address)
        return target, self._client.definition_of(target.kind)

    # ---- orchestrations -------------------------------------------------------------------

    def _instance(self, ask: wire.Instance) -> Any:
        ref = self._client.orchestration(ask.instance_id)
        return ref.status(fetch_input=ask.fetch_input)

    def _query(self, ask: wire.Query) -> dict[str, Any]:
        filters = {name: getattr(ask, name) for name in ask.__struct_fields__}
        after, limit = filters.pop("after"), filters.pop("limit")

        def step(behind: str, count: int) -> tuple[list[Any], str | None]:
            page = self._client.query(**filters, after=behind, limit=count)
            return page.items, page.next

        items, following = read_page(step, after, checked_limit(limit))
        return {"items": items, "next": following}

    def _purge_many(self, ask: wire.PurgeMany) -> Any:
        return self._client.purge_orchestrations(
            created_from=ask.created_from,
            created_to=ask.created_to,
            statuses=ask.statuses,
            recursive=ask.recursive,
            timeout=min(ask.seconds, wire.WAIT_SECONDS),
        )

    # ---- upkeep ---------------------------------------------------------------------------

    def _quarantine(self, ask: wire.Quarantine) -> list[Any]:
        self._client.node.check_open()
        return list(
            self._client.node.store.quarantined(after=ask.after, limit=checked_limit(ask.limit))
        )


def _operation(kind: type[wire.Ask], does: Does) -> Operation:
    role = _ROLES.get(kind, READ)
    return Operation(
        method="POST",
        path=f"{wire.BASE}/{kind.verb}",
        answered_by=_endpoint(kind, does),
        text=f"For the remote client of the same version: {_first_line(kind)}",
        role=role,
        body={"type": "object"},
        body_required=True,
        audited=role != READ,
        answers={200: "the value, or that it is late"},
    )


def _first_line(kind: type[wire.Ask]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def _endpoint(kind: type[wire.Ask], does: Does) -> Endpoint:
    read = msgspec.json.Decoder(kind).decode

    async def serve(request: Request) -> Response:
        try:
            ask = read(await request.body())
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            msg = f"the request is not understood: {error}; use the same perdure on both sides"
            return _failed(InvalidInputError(msg))
        _authorise(request, ask)
        try:
            found = await does(ask)
            return found if isinstance(found, Response) else answer(200, found)
        except PerdureError as error:
            return _failed(error)

    return serve


def _authorise(request: Request, ask: wire.Ask) -> None:
    """Let messages through, each by what it does; the audit log is told of the first.

    Raises:
        AccessDeniedError: who asks may not send one of them.
    """
    messages: list[wire.Sent] = []
    if isinstance(ask, wire.Signal):
        messages = ask.messages
    elif isinstance(ask, wire.Call):
        messages = [ask.message]
    for sent in messages:
        authorise(request, role_for_message(sent.target.lower(), sent.operation.lower()))
    if messages:
        request.path_params.update(
            target=messages[0].target, operation=messages[0].operation, messages=len(messages)
        )


def _failed(error: PerdureError) -> Response:
    return answer(status_of(error), {"Message": str(error), "fault": fault_of(error)})


async def _answer(reply: Reply[Any], seconds: float) -> wire.Answer:
    try:
        result = await answered(reply, min(max(seconds, 0.0), WAIT_SECONDS))
    except ReplyTimeoutError:
        return _NO_ANSWER
    return wire.Answer(value=msgspec.Raw(result or b"null"))


def _snapshot(row: StoredState) -> wire.Snapshot | None:
    state = shown_state(row.state)
    if state is None:
        return None
    lock = lock_of(row.state)
    return wire.Snapshot(
        address=row.stream,
        state=msgspec.Raw(state),
        version=row.version,
        modified=to_datetime(row.time_micros),
        queue_length=row.waiting,
        locked_by=None if lock is None else lock.holder,
    )
