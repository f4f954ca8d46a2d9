"""W12: the workbench, what a developer waits for."""

from __future__ import annotations

from importlib.util import find_spec

from perdure.benchmarks.measuring import workbench
from perdure.benchmarks.rows import Row, Workload

_TRACED = (
    Row(
        name="tracing",
        title="processor time of an orchestration of 3 activities, traced",
        against="the same, not traced",
        unit="µs",
        measure=workbench.traced,
        turns=3,
    ),
    Row(
        name="tracing-metrics",
        title="the same, traced and measured by OpenTelemetry's metrics",
        against="the same, neither",
        unit="µs",
        measure=workbench.metered,
        turns=3,
    ),
)
"""What needs the extra ``otel``."""

ROWS = (
    Row(
        name="crash-everywhere",
        title="crash_everywhere on a scenario of 30 commits, processor time",
        unit="s",
        measure=workbench.crashing,
        turns=3,
    ),
    Row(
        name="replay",
        title="replay of 1,000 stored histories of 50 events, processor time",
        unit="s",
        measure=workbench.replaying,
        turns=3,
    ),
    Row(
        name="lint",
        title="perdure lint of 10,000 lines, processor time",
        unit="s",
        measure=workbench.linting,
        turns=3,
    ),
    *(_TRACED if find_spec("opentelemetry") else ()),
)
WORKBENCH = Workload(
    name="W12",
    title="the workbench",
    does="crashes everywhere, replays, lints, and traces",
    checks="what each of them finds",
    rows=ROWS,
)
