"""The limits of the gateway: what one request may be, and how many there may be."""

from __future__ import annotations

BODY_BYTES = 2 * 1024 * 1024
"""Of one request's body, as of one payload."""

HEADER_BYTES = 16 * 1024
"""Of all names and values of one request's headers, its path and its query together."""

HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
"""A head, and a body, that take longer to arrive are given up."""

WRITE_SECONDS = 30.0
"""Whoever takes nothing of an answer for so long is given up."""

WAIT_SECONDS = 240.0
"""How long one request may wait for an orchestration or an entity."""

ENGINE_SECONDS = 60.0
"""How long a request waits for the engine to take something, before it tells that it may still
happen."""

PAGE_ITEMS = 1_000
PAGE_USUAL = 100
"""Of one page, and when nobody says how many."""

PAGE_BYTES = 8 * 1024 * 1024
PAGE_STEP = 20
"""A page ends early once it takes so much; it is read so many at once."""

REQUESTS = 1_000
"""At work or waiting at once; more are told to come back."""

STREAMS = 1_000
"""Server-sent streams at once, beside those; more are told to come back."""

BEAT_SECONDS = 15
"""A stream without news says so often that it lives."""

CONNECTIONS = 2_200
"""Open at once; more are closed."""

LOOK_SECONDS = 0.2
"""A search looks so long; then its page ends, and the next one goes on from there."""

THREADS = 8
"""Threads that read the store."""

PURGE_SECONDS = 30.0
"""How long one request purges; then the answer tells that more is left."""
