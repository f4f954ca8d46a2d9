"""The systems that perdure is measured beside, and perdure itself: a driver for each."""
