"""``--otel`` and ``--log-format``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from perdure.cli.telemetry import instrument_from_environment
from perdure.errors import InvalidInputError
from tests.cli.conftest import APP, ROOT
from tests.cli.shop import app


def test_a_process_writes_spans_to_the_console_and_its_log_as_json(tmp_path: Path) -> None:
    store = str(tmp_path / "shop.db")
    words = [sys.executable, "-m", "perdure"]
    environment = {
        **os.environ,
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "shop",
    }
    options = ["--store", store, "--json", "--otel", "--log-format", "json"]
    with subprocess.Popen(
        [*words, "run", APP, *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["ready"]
        call = [*words, "call", "@counter@a", "add", "1", "--store", store]
        subprocess.run(call, cwd=ROOT, check=True, capture_output=True, timeout=60)
        bad = [*words, "signal", "@counter@a", "fail", "--store", store]
        subprocess.run(bad, cwd=ROOT, check=True, capture_output=True, timeout=60)
        process.send_signal(signal.SIGTERM)
        told, log = process.communicate(timeout=60)

    assert '"name": "operation:counter:add"' in told
    assert '"service.name": "shop"' in told
    (failed,) = [json.loads(line) for line in log.splitlines() if "failed, undone" in line]
    assert (failed["entity_id"], failed["operation"]) == ("@counter@a", "fail")
    assert failed["level"] == "warning"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_TRACES_EXPORTER", "jaeger"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
)
def test_an_exporter_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(InvalidInputError, match=value):
        instrument_from_environment(app)
