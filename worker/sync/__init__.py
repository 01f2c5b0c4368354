"""Syncs scenes: finds their Plex items, writes fields and covers, and reads the items back."""
