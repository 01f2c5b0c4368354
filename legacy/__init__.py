"""Imports the data of the plugin's previous implementation, called legacy."""
