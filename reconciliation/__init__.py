"""Floor 3: compares both libraries, and queues the gaps that no hook reported."""
