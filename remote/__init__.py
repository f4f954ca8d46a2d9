"""The remote client: the embedded client's interface over HTTP."""
