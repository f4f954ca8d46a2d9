"""W4: transfers between accounts."""

from __future__ import annotations

from perdure.benchmarks.contests.tasks import Task, transferred
from perdure.benchmarks.measuring import orchestrations
from perdure.benchmarks.rows import TELL, Row, Workload

ROWS = (
    Row(
        name="transfers",
        title="transfers between 2 of 1,000 accounts under locks, 64 in flight",
        against=TELL,
        measure=orchestrations.transfers,
    ),
)
TASKS = (
    Task(
        name="w4-transfers",
        title="transfers between 2 of 1,000 accounts, 64 in flight",
        needs="transfer",
        measure=transferred,
    ),
)
TRANSFERS = Workload(
    name="W4",
    title="transfers between accounts",
    does="moves of 1 between two of 1,000 accounts; perdure does them under locks",
    checks="each balance is right, and money is conserved",
    rows=ROWS,
    tasks=TASKS,
)
