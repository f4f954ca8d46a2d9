"""The six patterns, asked for by curl alone: ``bash examples/over_http/six_patterns.sh``."""
