"""Every flight that left New York in 2013, through entities that survive kill -9."""
