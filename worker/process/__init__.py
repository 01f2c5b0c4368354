"""The worker's process: its start, the handover of its lock, and waiting while it is idle."""
