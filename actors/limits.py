"""The limits of the engine's queues, turns and waits; those of payloads are in the codec."""

from __future__ import annotations

TURN_MESSAGES = 100
"""Messages of one actor handled in a row before another actor has its turn."""

INTAKE_MESSAGES = 1_000
"""Messages taken in before turns go on."""

PENDING_RECORDS = 10_000
PENDING_BYTES = 64 * 1024 * 1024
"""Turns stop while so much waits for the disk."""

HANDOVER_RECORDS = 256
"""A batch this large goes to an idle committer in the middle of a cycle."""

MAILBOX_MESSAGES = 100_000
"""Messages that one actor's mailbox takes."""

INGRESS_MESSAGES = 100_000
"""Messages that the node takes in before senders have to wait."""

PIPELINE_MESSAGES = 10_000
"""Messages of one pipeline that may wait for the disk; more make the sender wait."""

PIPELINE_CHUNK = 256
"""Messages that a pipeline hands over at once."""

ACTIVE_CELLS = 100_000
"""Actors kept active; beyond it the least recently used are passivated."""

IDLE_SECONDS = 60.0
"""An actor without messages for so long is passivated."""

SWEEP_SECONDS = 1.0
"""How often waiting work is looked for without a hint, and idle actors are passivated."""

DUE_PAGE = 500
"""Waiting messages looked up at once."""

ATTEMPTS = 3
"""Crashes that a message may be the sole suspect of before it is quarantined."""

SUSPECTS = 100
MOST_SUSPECTS = 1_000
"""Messages from before a crash that run together, at first and after many that were quick;
if it happens again, each of them runs alone.
"""

SUSPECT_SECONDS = 5.0
"""A suspect that runs for so long without ending the process holds up nobody any more."""

IN_HAND_MESSAGES = 10_000
"""Waiting messages held in memory before more are looked for."""

BLOCKED_SECONDS = 0.010
"""How often the turn in hand is looked at; one seen twice loses the baton."""

SLOW_CODE_SECONDS = 0.1
"""An orchestrator that goes on for so long after that is told of in the log."""

SPARE_THREADS = 64
"""Threads that may be stuck in users' code while others go on."""

REQUEST_SECONDS = 7 * 24 * 3600
"""How long the outcome of a request is remembered."""

TIDY_SECONDS = 60.0
TIDY_ROWS = 1_000
"""How often, and how many at once, expired outcomes are forgotten."""

RETENTION_PAGE = 1_000
RETENTION_ENTITIES = 20
"""Turns looked at in one step of dropping old history, and entities that it cuts."""

PROBE_SECONDS = 0.25
"""How often a failed disk is tried again."""

DRAIN_SECONDS = 30.0
"""How long a clean shutdown waits for what is in hand."""

ACTIVITY_THREADS = 64
"""Activities that may block in threads at once; more wait for one of them."""
