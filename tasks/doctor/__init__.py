# The Doctor is not in the table of tasks, because it must also work if packages are missing.
MODE = "doctor"
