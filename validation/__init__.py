"""Parses settings, converts scenes to metadata, sanitizes texts, and compares paths."""
