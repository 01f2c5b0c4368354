"""The task Doctor: independent read-only checks, each with a remedy.

Other modules, such as `sync_queue.checkup` and `plex.health`, collect the facts. The functions here
turn the facts into findings: ok, warning or fault.
"""

MODE = "doctor"  # The table of tasks omits this mode: the Doctor runs without `Services`.
