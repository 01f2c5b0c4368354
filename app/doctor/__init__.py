"""Looks at everything that the Doctor judges."""
