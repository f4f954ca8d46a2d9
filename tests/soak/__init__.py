"""Mixed load for a long time: what grows, what is late, and what too much load does."""
