"""Play all patterns, one after the other."""

from __future__ import annotations

from examples.patterns import aggregator, approval, async_http, chaining, fan_out, monitor
from examples.patterns.stage import play

for pattern in (chaining, fan_out, async_http, monitor, approval, aggregator):
    play(pattern.app, pattern.scene)
