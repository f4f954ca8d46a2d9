"""Our own routes below /api/v1: lists, details, the past, metrics, schedules and upkeep."""
