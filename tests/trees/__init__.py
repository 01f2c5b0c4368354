"""Containers for tests: process trees of their own, whose process 1 may be no init."""
