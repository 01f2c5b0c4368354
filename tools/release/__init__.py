"""Build the release: a zip that needs nothing but Python, and the index of a plugin source."""
