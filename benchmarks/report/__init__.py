"""What a run found, and its forms: figures, JSON, table, charts, an HTML page, a docs page."""
