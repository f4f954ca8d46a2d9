"""The command line: look into a store, reach the process that owns it, run an app."""
