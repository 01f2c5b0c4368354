"""Tasks that report the state of the plugin or of one scene."""
