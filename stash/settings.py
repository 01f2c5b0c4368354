"""The plugin's settings, as Stash stores them."""

from collections.abc import Callable, Mapping
from typing import Any

from stash import queries
from stash.connection import StashConnection
from stash.exceptions import StashQueryError

PLUGIN_ID = "Stash2Plex"  # the name of the yml file


class StashSettings:
    """Reads the plugin's settings, and with them the key for a lasting connection; adds some."""

    def __init__(self, connection: StashConnection) -> None:
        self._connection = connection

    def read(self) -> dict[str, Any]:
        """Return the stored map, as it is.

        Raises:
            StashError: one of its sub-classes.
        """
        plugins = self._of_all_plugins()
        settings = plugins.get(PLUGIN_ID) if isinstance(plugins, dict) else None
        return dict(settings) if isinstance(settings, dict) else {}

    def add(self, choose: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Add what `choose` returns for the settings that are stored now; none is changed.

        They are read directly before they are written, because Stash replaces the whole map.

        Returns:
            What was added.

        Raises:
            StashError: one of its sub-classes; StashQueryError when the map to be kept is unknown.
        """
        stored = self._to_be_kept()
        added = choose(stored)
        if added:
            self._write({**added, **stored})
        return added

    def merge(self, changes: Mapping[str, Any]) -> None:
        """Store these settings beside the others, which are read directly before.

        Raises:
            StashError: one of its sub-classes; StashQueryError when the map to be kept is unknown.
        """
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
