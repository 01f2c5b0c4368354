"""The plugin's settings as Stash stores them."""

from collections.abc import Callable, Mapping
from typing import Any

from stash import queries
from stash.connection import StashConnection
from stash.exceptions import StashQueryError

PLUGIN_ID = "Stash2Plex"  # the name of the yml file


class StashSettings:
    """Reads and writes the plugin's settings; reading them also fetches Stash's API key.

    Every method raises a `StashError` when Stash fails.
    """

    def __init__(self, connection: StashConnection) -> None:
        self._connection = connection

    def read(self) -> dict[str, Any]:
        """Return the stored map unchanged."""
        plugins = self._of_all_plugins()
        settings = plugins.get(PLUGIN_ID) if isinstance(plugins, dict) else None
        return dict(settings) if isinstance(settings, dict) else {}

    def add(self, choose: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Add the settings that `choose` returns for the stored ones; return the added settings.

        Stored settings never change. They are read directly before the write, because Stash
        replaces the whole map. A `StashQueryError` means that they could not be read.
        """
        stored = self._to_be_kept()
        added = choose(stored)
        if added:
            self._write({**added, **stored})
        return added

    def merge(self, changes: Mapping[str, Any]) -> None:
        """Store these settings and keep all others, which are read directly before the write."""
        self._write({**self._to_be_kept(), **changes})

    def _to_be_kept(self) -> Mapping[str, Any]:
        plugins = self._of_all_plugins()
        stored = plugins.get(PLUGIN_ID, {}) if isinstance(plugins, dict) else None
        if not isinstance(stored, dict):
            message = "Stash did not tell what is stored"
            raise StashQueryError(message)
        return stored

    def _write(self, settings: Mapping[str, Any]) -> None:
        variables = {"plugin": PLUGIN_ID, "settings": settings}
        self._connection.query(queries.CONFIGURE_PLUGIN, variables)

    def _of_all_plugins(self) -> Any:
        configuration = self._connection.query(queries.SETTINGS).get("configuration")
        configuration = configuration if isinstance(configuration, dict) else {}
        general = configuration.get("general")
        self._connection.use_api_key(general.get("apiKey") if isinstance(general, dict) else None)
        return configuration.get("plugins")
