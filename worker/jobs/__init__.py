"""Processes jobs for performers, studios, tags, folder scans and missing files."""
