"""The workloads, one file for each: what is done, how much, and what is measured beside it."""

from __future__ import annotations

from perdure.benchmarks.contests.tasks import Task
from perdure.benchmarks.rows import Row
from perdure.benchmarks.workloads.w01_sequence import SEQUENCE
from perdure.benchmarks.workloads.w02_fan_out import FAN_OUT
from perdure.benchmarks.workloads.w03_counters import COUNTERS
from perdure.benchmarks.workloads.w04_transfers import TRANSFERS
from perdure.benchmarks.workloads.w05_activation import ACTIVATION
from perdure.benchmarks.workloads.w06_memory import MEMORY
from perdure.benchmarks.workloads.w07_start_up import START_UP
from perdure.benchmarks.workloads.w08_mixed import MIXED
from perdure.benchmarks.workloads.w09_growth import GROWTH
from perdure.benchmarks.workloads.w10_recovery import RECOVERY
from perdure.benchmarks.workloads.w11_http import HTTP
from perdure.benchmarks.workloads.w12_workbench import WORKBENCH

WORKLOADS = (
    SEQUENCE,
    FAN_OUT,
    COUNTERS,
    TRANSFERS,
    ACTIVATION,
    MEMORY,
    START_UP,
    MIXED,
    GROWTH,
    RECOVERY,
    HTTP,
    WORKBENCH,
)
ROWS: tuple[Row, ...] = tuple(row for workload in WORKLOADS for row in workload.rows)
TASKS: tuple[Task, ...] = tuple(task for workload in WORKLOADS for task in workload.tasks)

__all__ = ["ROWS", "TASKS", "WORKLOADS"]
