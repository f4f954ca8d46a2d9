"""Server-sent events: one pump, and what goes through it."""
