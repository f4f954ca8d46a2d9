"""What the remote client asks: one route for each of its questions."""
