"""Sync of one scene: find its items, write fields and covers, and read the items back."""
