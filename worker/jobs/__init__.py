"""The other kinds of job: performers, studios and tags, folder scans, missing files."""
