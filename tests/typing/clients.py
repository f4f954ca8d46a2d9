"""What type checkers know of a client's calls; checked only, never run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, assert_type

import perdure

app = perdure.App()


@app.entity
class Counter(perdure.Entity):
    """Counts."""

    value: int = 0

    def add(self, amount: int) -> int:
        """Count."""
        self.value += amount
        return self.value

    async def fetch(self, url: str) -> bytes:
        """Fetch."""
        return url.encode()


@app.entity(name="renamed")
class Named(perdure.Entity):
    """Has another name in the store."""

    text: str = ""

    def say(self, text: str, *, loudly: bool = False) -> None:
        """Say."""
        self.text = text.upper() if loudly else text


async def check(client: perdure.Client) -> None:
    """Results have the operation's type; wrong arguments are errors."""
    ref = client.entity(Counter, "a")
    assert_type(ref, perdure.EntityRef[Counter])
    assert_type(ref.call(Counter.add, 1), perdure.Reply[int])
    assert_type(ref.call(Counter.add, 1).get(timeout=1), int)
    assert_type(await ref.call(Counter.fetch, "x"), bytes)
    assert_type(ref.options(request_id="r").call(Counter.add, amount=1).get(), int)
    ref.signal(Counter.add, 1)
    ref.call(Counter.add, "one")  # type: ignore[call-overload]  # pyright: ignore
    ref.signal(Named.say, "x")  # type: ignore[call-overload]  # pyright: ignore

    named = client.entity(Named, "n")
    named.signal(Named.say, "x", loudly=True)

    snapshot = ref.get()
    if snapshot is not None:
        assert_type(snapshot.state.value, int)
    state = ref.as_of(3)
    assert_type(state, Counter | None)

    with client.pipeline() as pipeline:
        pipeline.entity(Counter, "a").signal(Counter.add, 1)
        pipeline.entity(Counter, "a").signal(Counter.add, "one")  # type: ignore[call-overload]  # pyright: ignore


@app.orchestrator
async def nightly(ctx: perdure.OrchestrationContext, branch: str) -> str:
    """Close the books."""
    return branch


@app.entity
class Branch(perdure.Entity):
    """Hears how what it starts ends."""

    closed: int = 0

    def close(self) -> None:
        """Start one."""
        starts = self.context.on_end(Branch.ended)
        assert_type(starts.start(nightly, "b"), str)
        starts.start(nightly, 3)  # type: ignore[arg-type]  # pyright: ignore

    def ended(self, end: perdure.OrchestrationEnd) -> None:
        """Count."""
        assert_type(end.status, str)
        self.closed += 1


def check_connecting() -> None:
    """A remote client has the type of every client, and so have its references."""
    with perdure.connect("http://127.0.0.1:7071", token="x", app=app) as client:
        assert_type(client, perdure.Client)
        assert_type(client.entity(Counter, "a").call(Counter.add, 1), perdure.Reply[int])
        assert_type(client.start(nightly, "b"), perdure.OrchestrationRef[str])
        assert_type(client.start("nightly", 3).result(), Any)
    with app.open(":memory:") as embedded:
        either: perdure.Client = embedded
        assert_type(either.orchestration("b"), perdure.OrchestrationRef[Any])
        assert_type(either.orchestration("b", nightly), perdure.OrchestrationRef[str])
        assert_type(either.orchestration("b", "nightly").result(), Any)


def check_errors() -> None:
    """Errors are reached by the package's name, as the docs write them."""
    try:
        raise perdure.errors.NonRetriableError
    except perdure.errors.PerdureError as error:
        assert_type(error, perdure.PerdureError)


def check_schedules(client: perdure.Client) -> None:
    """Schedules are what they say."""
    ref = client.schedule("s", nightly, "b", every=timedelta(hours=1))
    assert_type(ref, perdure.ScheduleRef)
    assert_type(ref.trigger(), str | None)
    for state in client.schedules():
        assert_type(state, perdure.ScheduleState)
        assert_type(state.next_at, datetime | None)
