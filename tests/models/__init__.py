"""Models of what perdure promises, and machines that compare it with them."""
