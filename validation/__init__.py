"""Floor 1: settings, conversion of scenes to metadata, sanitizing, paths. Pure functions."""
