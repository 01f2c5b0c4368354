"""The task Doctor: independent read-only checks, each with a remedy."""

# The Doctor must work even if packages are missing, so the table of tasks omits the Doctor.
MODE = "doctor"
