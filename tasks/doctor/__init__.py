"""The task Doctor: independent read-only checks, each with a remedy."""

# The Doctor runs without `Services`, so the table of tasks omits this mode.
MODE = "doctor"
