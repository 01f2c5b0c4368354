"""Builds what users install: a zip that needs nothing but Python, and the index that offers it."""
