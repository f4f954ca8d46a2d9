"""What ``perdure bench`` runs: ratios within one run, against pykka and SQLite alone."""

from perdure.benchmarks.command import bench, main
from perdure.benchmarks.report.report import Report
from perdure.benchmarks.runner import Options, run

__all__ = ["Options", "Report", "bench", "main", "run"]
