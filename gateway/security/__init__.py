"""Who may come in, and what they may: the door, its guard, tokens, and the audit log."""
