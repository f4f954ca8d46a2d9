"""What the tools for developers take: crashes everywhere, replays, lint, tracing.

All of it computes, in one thread but for tracing, so processor time is measured: a busy machine
makes it no longer.
"""

from __future__ import annotations

import gc
import time
from pathlib import Path

from perdure.actors.entity import Entity
from perdure.actors.tracing import Tracer
from perdure.benchmarks.bench import Bench, check, remove_store
from perdure.benchmarks.measuring.drivers import REPLY_SECONDS, WINDOW
from perdure.benchmarks.report.figures import Turn, percentile
from perdure.benchmarks.subjects.entities import bench_app
from perdure.benchmarks.subjects.orchestrators import STEPS, sequence
from perdure.linting import check_targets
from perdure.orchestration.app import App
from perdure.orchestration.client import EmbeddedClient
from perdure.orchestration.context import OrchestrationContext
from perdure.orchestration.simulation import Simulation
from perdure.testing import assert_replays, crash_everywhere

COMMITS = 30
HISTORIES = 1_000
ACTIVITIES = 24
"""Of one orchestration: its history has two events for each, and two more."""
LINES = 10_000


class Tally(Entity):
    """Counts."""

    total: int = 0

    def add(self, amount: int) -> int:
        self.total += amount
        return self.total


def increased(number: int) -> int:
    """An activity."""
    return number + 1


async def steps(ctx: OrchestrationContext, count: int) -> int:
    """Activities, one after the other."""
    number = 0
    for _ in range(count):
        number = await ctx.call_activity(increased, number)
    return number


def _app() -> App:
    app = App("workbench")
    app.include([Tally])
    app.activity(increased)
    app.orchestrator(steps)
    return app


def crashing(bench: Bench) -> Turn:
    """A scenario of 30 commits with a crash before and after each of them."""
    commits = bench.count(COMMITS, least=2)

    def scenario(world: Simulation) -> None:
        tally = world.client.entity(Tally, "one")
        for number in range(commits):
            tally.options(request_id=f"r{number}").call(Tally.add, 1).get(REPLY_SECONDS)
        state = tally.get()
        check("counted", None if state is None else state.state.total, commits)

    begun = time.process_time()
    check("crashes", crash_everywhere(_app(), scenario), 2 * commits)
    return Turn(time.process_time() - begun)


def replaying(bench: Bench) -> Turn:
    """The replay of 1,000 stored histories of 50 events each."""
    count = bench.count(HISTORIES, least=2)
    path = bench.new_path()
    app = _app()
    with app.open(path) as client, client.pipeline() as pipeline:
        refs = [pipeline.start(steps, ACTIVITIES, instance_id=f"i{n}") for n in range(count)]
        pipeline.wait()
        for number in range(len(refs)):
            client.orchestration(f"i{number}").result(REPLY_SECONDS)
    begun = time.process_time()
    check("histories", assert_replays(app, path), count)
    seconds = time.process_time() - begun
    remove_store(path)
    return Turn(seconds)


_SHOP = """
@app.orchestrator
async def order_{number}(ctx, amount):
    total = price_{number}(amount)
    for step in sorted({{1, 2, 3}}):
        total += await ctx.call_activity(charge, total + step)
    return total


def price_{number}(amount):
    return amount * {number}

"""


def linting(bench: Bench) -> Turn:
    """The check of 10,000 lines in files of 500."""
    lines = bench.count(LINES, least=500)
    folder = Path(bench.new_path()).with_suffix("")
    folder.mkdir()
    written = 0
    while written < lines:
        text = "import perdure\n\napp = perdure.App()\n"
        while text.count("\n") < 500:
            text += _SHOP.format(number=text.count("\n"))
        (folder / f"shop_{written}.py").write_text(text, encoding="utf-8")
        written += text.count("\n")
    begun = time.process_time()
    check("findings", check_targets([folder]), [])
    return Turn(time.process_time() - begun)


def traced(bench: Bench) -> Turn:
    """Processor time of sequences with traces by OpenTelemetry, against the same without."""
    return _compared(bench, _telemetry(with_metrics=False))


def metered(bench: Bench) -> Turn:
    """The same with traces and metrics."""
    return _compared(bench, _telemetry(with_metrics=True))


def _compared(bench: Bench, tracer: Tracer) -> Turn:
    """In turns, since the machine may be busy: first one, then the other, then again."""
    count = WINDOW * bench.count(8)
    taken: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(bench.count(5)):
        for is_on in (False, True):
            taken[is_on].append(_cpu_seconds(bench, tracer if is_on else None, count))
    return Turn(
        percentile(taken[True], 50) / count * 1e6, percentile(taken[False], 50) / count * 1e6
    )


def _cpu_seconds(bench: Bench, tracer: Tracer | None, count: int) -> float:
    app = bench_app()
    app.tracer = tracer
    path = bench.new_path()
    gc.collect()
    with app.open(path) as client:
        _sequences(client, "warm", WINDOW)
        begun = time.process_time()
        _sequences(client, "i", count)
        seconds = time.process_time() - begun
    remove_store(path)
    return seconds


def _sequences(client: EmbeddedClient, name: str, count: int) -> None:
    """Start so many, 64 in flight, and wait for all."""
    with client.pipeline() as pipeline:
        for first in range(0, count, WINDOW):
            refs = [client.orchestration(f"{name}{first + n}").watch() for n in range(WINDOW)]
            for ref in refs:
                pipeline.start(sequence, 1, instance_id=ref.id)
            pipeline.wait()
            for ref in refs:
                check("result", ref.result(REPLY_SECONDS), 1 + STEPS)


def _telemetry(*, with_metrics: bool) -> Tracer:
    """OpenTelemetry with an exporter in the background that drops what it gets.

    All that OpenTelemetry's SDK does in the process is measured with it, up to the exporter:
    what an exporter takes is its own business.
    """
    from opentelemetry.metrics import NoOpMeterProvider
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from perdure.telemetry import OpenTelemetryTracer

    exporter = InMemorySpanExporter()
    exporter.shutdown()  # from now on it drops all
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=65_536))
    meters = MeterProvider([InMemoryMetricReader()]) if with_metrics else NoOpMeterProvider()
    return OpenTelemetryTracer(provider, meters)
