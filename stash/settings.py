"""The plugin's settings, as Stash stores them."""

from typing import Any

from stash import queries
from stash.connection import StashConnection

PLUGIN_ID = "Stash2Plex"  # the name of the yml file


class StashSettings:
    """Reads the plugin's settings, and with them the key for a lasting connection."""

    def __init__(self, connection: StashConnection) -> None:
        self._connection = connection

    def read(self) -> dict[str, Any]:
        """Return the stored map, as it is.

        Raises:
            StashError: one of its sub-classes.
        """
        configuration = self._connection.query(queries.SETTINGS).get("configuration")
        configuration = configuration if isinstance(configuration, dict) else {}
        general = configuration.get("general")
        self._connection.use_api_key(general.get("apiKey") if isinstance(general, dict) else None)
        plugins = configuration.get("plugins")
        settings = plugins.get(PLUGIN_ID) if isinstance(plugins, dict) else None
        return dict(settings) if isinstance(settings, dict) else {}
