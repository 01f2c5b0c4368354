"""Command line tools for developers; the plugin's release contains none of them."""
