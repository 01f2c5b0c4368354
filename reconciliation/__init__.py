"""Finds the gaps between the two libraries that no hook told of, and decides when to look."""
