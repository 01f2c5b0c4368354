"""Manages the process of the worker: its start, its lock, and its idle time."""
