"""The Doctor: independent read-only checks, each with its remedy.

First `sync_queue.checkup`, `plex.health` and others examine everything. Then pure functions turn
the results into ok, warning or fault.
"""

MODE = "doctor"  # not in the table of tasks, because the Doctor runs without `Services`
