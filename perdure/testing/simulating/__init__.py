"""Seeded trouble for a whole app: faults, checks of the engine's promises, many seeds."""
