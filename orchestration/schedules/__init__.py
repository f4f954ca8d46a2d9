"""Orchestrations that are started again and again: by an interval, or by the calendar."""
