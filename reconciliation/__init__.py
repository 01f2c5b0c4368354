"""Compares the libraries of Stash and Plex, and queues the scenes that differ."""
