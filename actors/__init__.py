"""Actors: addresses, messages, mailboxes, turns, entities, and the node that runs them."""
