"""Aggregator: an entity takes messages from many senders and keeps what follows from them.

Two ways to write it: as a class, and as one function for all operations. Each reading has a
request id, so that whoever is not sure sends it again, and it counts once.
"""

from __future__ import annotations

import perdure
from examples.patterns.stage import main, say

app = perdure.App("aggregator")

READINGS = [(number * 37) % 41 - 5 for number in range(300)]
"""Degrees Celsius."""
BATCH = 25


@app.entity
class Station(perdure.Entity):
    """As a class: fields are the state, methods the operations."""

    count: int = 0
    total: int = 0
    highest: int | None = None

    def report(self, celsius: int) -> None:
        """Take in one reading."""
        self.count += 1
        self.total += celsius
        self.highest = celsius if self.highest is None else max(self.highest, celsius)


@app.entity
def tally(ctx: perdure.FunctionContext) -> None:
    """As a function: the context has the operation, its input and the state."""
    count, total = ctx.get_state(lambda: (0, 0), tuple[int, int])
    match ctx.operation_name:
        case "report":
            ctx.set_state((count + 1, total + ctx.get_input(int)))
        case "mean":
            ctx.set_result(total / count if count else None)
        case other:
            msg = f"tally has no operation {other!r}; it has report and mean"
            raise ValueError(msg)


def scene(client: perdure.Client) -> None:
    """Every reading counts once, however often it is sent."""
    for first in range(0, len(READINGS), BATCH):
        with client.pipeline() as pipeline:  # all of it is on disk when the block ends
            for number, celsius in enumerate(READINGS[first : first + BATCH], first):
                once = f"reading-{number}"
                station = pipeline.entity(Station, "roof").options(request_id=f"{once}-class")
                station.signal(Station.report, celsius)
                sums = pipeline.entity(tally, "roof").options(request_id=f"{once}-function")
                sums.signal("report", celsius)
        say("client", f"sent readings {first} to {first + BATCH - 1}, on disk", "green")
    mean = client.entity(tally, "roof").call("mean").get(timeout=60)
    say("function", f"mean {mean:.2f} °C", "bold green")
    state = client.entity(Station, "roof").get()
    assert state is not None
    roof = state.state
    say("class", f"{roof.count} readings, {roof.highest} °C at most", "bold green")


if __name__ == "__main__":
    main(app, scene)
