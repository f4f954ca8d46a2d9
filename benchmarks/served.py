"""The app that the bench serves over HTTP: ``perdure serve perdure.benchmarks.served:app``."""

from __future__ import annotations

from perdure.benchmarks.entities import bench_app

app = bench_app()
