"""Floor 1: settings, scene to metadata, sanitizing: pure functions and types."""
