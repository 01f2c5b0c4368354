"""The worker's process: starting it, handing over its lock, waiting while it is idle."""
