"""Floor 4: compares both libraries, and queues the gaps that no hook reported."""
