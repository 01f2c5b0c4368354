"""Imports, once, the data that the previous implementation left in the data folder."""
