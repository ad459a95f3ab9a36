"""A service from its start to its end: its port, its signals, its processes."""
