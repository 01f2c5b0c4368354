"""The Doctor: one check per thing that can be wrong, each with its remedy.

First everything is looked at (`sync_queue.checkup`, `plex.checkup` and the like), and nothing that
is found broken stops the rest; then pure functions of what was seen say ok, warning or fault.
Nothing is changed, and no worker is started.
"""

MODE = "doctor"  # beside the tasks' own: it gets no context, for what that is made of may be broken
