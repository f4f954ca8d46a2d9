"""Traces and metrics by OpenTelemetry: one span for each thing, across crashes, and no more."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter as Counts
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    InMemoryMetricReader,
    NumberDataPoint,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import perdure
from perdure.actors.behavior import Outcome, Step
from perdure.actors.messages import Message, from_row, to_row
from perdure.errors import InvalidInputError
from perdure.orchestration.activities import ActivityInstance
from perdure.orchestration.simulation import Simulation, simulate
from perdure.telemetry import instrument
from perdure.testing import crash_everywhere
from perdure.testing.crashing import SimulatedCrash, _CrashAt

app = perdure.App("traced")
inside: list[trace.SpanContext] = []


@app.entity
class Stock(perdure.Entity):
    left: int = 10

    def take(self, count: int) -> int:
        self.left -= count
        self.context.entity(Stock, "log").signal(Stock.note)
        return self.left

    def note(self) -> None:
        self.left += 1

    def refuse(self) -> None:
        msg = "sold out"
        raise ValueError(msg)


@app.activity
def charge(amount: int) -> int:
    inside.append(trace.get_current_span().get_span_context())
    if amount < 0:
        msg = "no money"
        raise ValueError(msg)
    return amount


@app.orchestrator
async def child(ctx: perdure.OrchestrationContext, amount: int) -> int:
    return await ctx.call_activity(charge, amount)


@app.orchestrator
async def order(ctx: perdure.OrchestrationContext, amount: int) -> int:
    await ctx.entity(Stock, "tea").call(Stock.take, 1)
    await ctx.create_timer(timedelta(days=1))
    await ctx.wait_for_external_event("Paid")
    return await ctx.call_sub_orchestrator(child, amount, instance_id="c")


@app.orchestrator
async def twice(ctx: perdure.OrchestrationContext, number: int) -> int:
    if number:
        ctx.continue_as_new(number - 1)
    return number


class Collector:
    """An app whose spans and measures are kept in memory."""

    def __init__(self, sampler: object = None) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.provider = TracerProvider(sampler=sampler)  # type: ignore[arg-type]  # ours is an object
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.app = instrument(
            app.with_activities({}),
            tracer_provider=self.provider,
            meter_provider=MeterProvider([self.reader]),
        )

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def named(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def measured(self) -> dict[str, int]:
        """Points by instrument: counts of histograms, values of the others."""
        data = self.reader.get_metrics_data()
        assert data is not None
        found: dict[str, int] = {}
        for resource in data.resource_metrics:
            for metric in (one for scope in resource.scope_metrics for one in scope.metrics):
                for point in metric.data.data_points:
                    if isinstance(point, HistogramDataPoint):
                        value = point.count
                    else:
                        assert isinstance(point, NumberDataPoint)
                        value = int(point.value)
                    found[metric.name] = found.get(metric.name, 0) + value
        return found


@pytest.fixture
def told() -> Collector:
    inside.clear()
    return Collector()


@pytest.fixture
def world(told: Collector) -> Iterator[Simulation]:
    with simulate(told.app) as world:
        yield world


def own(span: ReadableSpan) -> trace.SpanContext:
    context = span.context
    assert isinstance(context, trace.SpanContext)
    return context


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


def test_an_order_is_one_tree_from_the_clients_span_to_the_signals_of_its_entities(
    told: Collector, world: Simulation
) -> None:
    with told.provider.get_tracer("shop").start_as_current_span("request") as request:
        ref = world.client.start(order, 5, instance_id="o")
    world.advance(days=1)
    ref.raise_event("Paid")

    assert ref.result(5) == 5
    spans = {span.name: own(span).span_id for span in told.spans}
    tree = {span.name: parent_of(span) for span in told.spans if span.name != "request"}
    assert tree == {
        "orchestration:order": request.get_span_context().span_id,
        "operation:stock:take": spans["orchestration:order"],
        "operation:stock:note": spans["operation:stock:take"],
        "orchestration:child": spans["orchestration:order"],
        "activity:charge": spans["orchestration:child"],
    }
    assert {own(span).trace_id for span in told.spans} == {request.get_span_context().trace_id}


def test_an_orchestrations_span_goes_over_processes_and_has_its_timers_and_events(
    told: Collector, world: Simulation
) -> None:
    begun = world.now
    world.client.start(order, 5, instance_id="o")
    world.crash()
    world.advance(days=1)
    world.crash(downtime=timedelta(hours=2))
    world.client.orchestration("o").raise_event("Paid")
    world.client.orchestration("o").result(5)

    span = told.named("orchestration:order")
    assert [event.name for event in span.events] == ["TimerFired", "EventRaised"]
    assert span.start_time == int(begun.timestamp()) * 10**9
    assert span.end_time == int((begun + timedelta(hours=26)).timestamp()) * 10**9
    assert dict(span.attributes or {}) == {
        "perdure.instance_id": "o",
        "perdure.outcome": "completed",
    }


def test_an_activitys_code_runs_under_its_span(told: Collector, world: Simulation) -> None:
    world.client.start(child, 5).result(5)

    span = told.named("activity:charge")
    assert inside[0].span_id == own(span).span_id
    assert (span.attributes or {})["perdure.attempt"] == 1


def test_an_attempts_span_ends_with_its_code_however_late_it_is_settled(
    told: Collector, world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = ActivityInstance.finish

    def late(self: ActivityInstance, step: Step, result: object) -> Outcome:
        world._clock.micros += 5_000_000
        return original(self, step, result)

    monkeypatch.setattr(ActivityInstance, "finish", late)

    world.client.start(child, 5).result(60)

    span = told.named("activity:charge")
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time < 1_000_000_000


def test_what_failed_says_so(told: Collector, world: Simulation) -> None:
    with pytest.raises(perdure.OrchestrationFailedError):
        world.client.start(child, -1).result(5)
    with pytest.raises(perdure.OperationFailedError):
        world.client.entity(Stock, "tea").call(Stock.refuse).get(5)

    assert {span.name: span.status.description for span in told.spans} == {
        "activity:charge": "ValueError: no money",
        "orchestration:child": told.named("orchestration:child").status.description,
        "operation:stock:refuse": "ValueError: sold out",
    }
    assert not any(span.status.is_ok for span in told.spans)


def test_each_generation_of_an_orchestration_has_a_span(
    told: Collector, world: Simulation
) -> None:
    world.client.start(twice, 2).result(5)

    outcomes = [str((span.attributes or {})["perdure.outcome"]) for span in told.spans]
    assert outcomes == ["continuedasnew", "continuedasnew", "completed"]
    assert len({own(span).trace_id for span in told.spans}) == 3  # nobody's span is above them


def test_a_rewound_orchestration_has_a_span_for_each_of_its_ends(
    told: Collector, world: Simulation
) -> None:
    ref = world.client.start(child, -1)
    for _ in range(2):
        with pytest.raises(perdure.OrchestrationFailedError):
            ref.result(5)
        ref.rewind()
        world.settle()

    ends = [own(span).span_id for span in told.spans if span.name == "orchestration:child"]
    assert len(ends) == len(set(ends)) == 3


def test_with_a_crash_at_every_commit_each_span_is_told_once_at_most(told: Collector) -> None:
    def scenario(world: Simulation) -> None:
        ref = world.client.start_or_get(
            order, 5, instance_id="o", replace_finished=False, request_id="s"
        )
        world.advance(days=1)
        ref.raise_event("Paid", request_id="paid")
        assert ref.result(5) == 5

    crashes = crash_everywhere(told.app, scenario)

    counts = Counts(own(span).span_id for span in told.spans)
    assert crashes > 5
    assert set(counts.values()) == {1}
    assert sum(span.name == "orchestration:order" for span in told.spans) in range(
        1, crashes + 3
    )


@pytest.mark.parametrize(("written", "told_again"), [(False, 1), (True, 0)])
def test_nothing_is_told_of_a_commit_that_the_process_did_not_survive(
    told: Collector, written: bool, told_again: int
) -> None:
    world = Simulation(told.app, faults=_CrashAt(1, written))
    with pytest.raises(SimulatedCrash):
        world.client.entity(Stock, "tea").options(request_id="t").call(Stock.take, 1).get(5)

    assert not told.spans
    world.crash()
    world.client.entity(Stock, "tea").options(request_id="t").call(Stock.take, 1).get(5)
    assert sum(span.name == "operation:stock:take" for span in told.spans) == told_again


def test_who_is_not_sampled_is_not_told_and_measured_all_the_same() -> None:
    told = Collector(ALWAYS_OFF)
    with simulate(told.app) as world:
        world.client.start(child, 5).result(5)

    assert not told.spans
    assert told.measured()["perdure.activity.duration"] == 1


def test_operations_activities_orchestrations_and_commits_are_measured(
    told: Collector, world: Simulation
) -> None:
    for number in range(3):
        world.client.start(child, number).result(5)
    world.client.entity(Stock, "tea").call(Stock.take, 1).get(5)
    world.client.entity(Stock, "tea").options(at=timedelta(days=1)).signal(Stock.note)

    measured = told.measured()
    assert measured["perdure.orchestration.duration"] == 3
    assert measured["perdure.activity.duration"] == 3
    assert measured["perdure.operation.duration"] == 2
    assert measured["perdure.commits"] == measured["perdure.commit.turns"] > 3
    assert measured["perdure.messages.waiting"] == 1
    assert measured["perdure.messages.quarantined"] == 0


def test_what_is_set_aside_is_counted(told: Collector, world: Simulation) -> None:
    world.client.send_signal(Message(target="@stock@tea", operation="nonsense", request_id="r"))

    world.settle()

    assert told.measured()["perdure.messages.set_aside"] == 1
    assert told.measured()["perdure.messages.quarantined"] == 1


def test_a_store_of_messages_without_traces_opens_and_what_is_new_is_traced(
    tmp_path: Path, told: Collector
) -> None:
    path = tmp_path / "shop.db"
    with app.open(path) as client:
        client.start(order, 5, instance_id="o").wait_for_start(5)

    with told.app.open(path) as client:
        client.orchestration("o").terminate()
        client.entity(Stock, "tea").call(Stock.take, 1).get(5)
        client.entity(Stock, "log").call(Stock.note).get(5)

    names = [span.name for span in told.spans]
    assert "operation:stock:take" in names
    assert "orchestration:order" not in names  # it was started while nothing was traced


def test_a_trace_is_stored_with_its_message_and_takes_no_room_without_one() -> None:
    plain = Message(target="@stock@tea", operation="take", request_id="r", id=7)
    traced = Message(target="@stock@tea", operation="take", request_id="r", id=7)
    traced.trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    assert from_row(to_row(traced)).trace == traced.trace
    assert from_row(to_row(plain)).trace == ""
    assert to_row(plain).body.endswith(b",false]")


def test_a_tracer_that_fails_stops_nothing(
    world: Simulation, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        msg = "planned"
        raise RuntimeError(msg)

    monkeypatch.setattr(SimpleSpanProcessor, "on_end", fail)

    assert world.client.entity(Stock, "tea").call(Stock.take, 1).get(5) == 9
    assert "the tracer failed" in caplog.text


def test_a_provider_without_the_sdk_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="set_tracer_provider"):
        instrument(perdure.App(), tracer_provider=trace.NoOpTracerProvider())


def test_the_engine_never_imports_opentelemetry() -> None:
    code = (
        "import sys, perdure, perdure.cli.commands\n"
        "from perdure.orchestration.app import App\n"
        "App().open(':memory:').close()\n"
        "print(any(name.startswith('opentelemetry') for name in sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "False\n", done.stderr


def test_without_the_packages_the_error_names_the_extra() -> None:
    code = "import sys; sys.modules['opentelemetry'] = None; import perdure.telemetry"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert "pip install 'perdure[otel]'" in done.stderr
