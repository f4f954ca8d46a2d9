"""Orchestrations: actors whose decision is to replay their history, then go on."""
