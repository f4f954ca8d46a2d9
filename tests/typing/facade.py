"""What type checkers see through the lazy facade. Checked by mypy and pyright, never run."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_type

import perdure

app = perdure.App(name="typed")


@app.entity(retention=timedelta(days=30))
class Counter(perdure.Entity):
    value: int = 0

    def add(self, amount: int, note: str = "") -> int:
        self.value += amount
        return self.value

    async def fetch(self, url: str) -> bytes:
        return url.encode()

    @perdure.readonly
    def peek(self) -> int:
        return self.value


async def use(client: perdure.Client) -> None:
    counter = client.entity(Counter, "visits")
    assert_type(counter, perdure.EntityRef[Counter])

    assert_type(counter.call(Counter.add, 1), perdure.Reply[int])
    assert_type(counter.call(Counter.add, 1, note="x").get(timeout=5), int)
    assert_type(await counter.call(Counter.fetch, "here"), bytes)
    assert_type(counter.call(Counter.peek).get(), int)
    counter.options(at=timedelta(hours=1)).signal(Counter.add, 1)

    counter.call(Counter.add, "one")  # type: ignore[call-overload]  # pyright: ignore
    counter.call(Counter.add)  # type: ignore[call-overload]  # pyright: ignore

    snapshot = counter.get()
    if snapshot is not None:
        assert_type(snapshot, perdure.EntitySnapshot[Counter])
        assert_type(snapshot.locked_by, str | None)
        assert_type(snapshot.state.value, int)

    with client.pipeline() as pipeline:
        pipeline.entity(Counter, "visits").signal(Counter.add, 1)
    assert_type(pipeline.failures, list[perdure.PipelineFailure])

    client.purge_history(counter.id, before=timedelta(days=30))
    client.purge_history("@counter@visits", keep=100)
    for finding in client.verify():
        assert_type(finding, perdure.Finding)

    _ = perdure.Nonsense  # type: ignore[attr-defined]  # pyright: ignore
    error: type[Exception] = perdure.StoreOwnedError
    assert issubclass(error, perdure.PerdureError)
