"""Build the release: a zip that needs only Python, and the index of a plugin source."""
