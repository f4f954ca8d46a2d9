"""Streams, versions and bytes: where everything durable lives."""
