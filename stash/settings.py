from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stash import queries
from stash.connection import StashConnection
from stash.exceptions import StashQueryError

PLUGIN_ID = "Stash2Plex"


@dataclass(frozen=True, slots=True)
class StashSettings:
    connection: StashConnection

    def read(self) -> dict[str, Any]:
        settings = self._stored()
        return dict(settings) if isinstance(settings, dict) else {}

    def add(self, choose: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Mapping[str, Any]:
        stored = self._to_be_kept()
        added = choose(stored)
        if added:
            self._write({**added, **stored})
        return added

    def merge(self, changes: Mapping[str, Any]) -> None:
        self._write({**self._to_be_kept(), **changes})

    def _to_be_kept(self) -> Mapping[str, Any]:
        stored = self._stored()
        if not isinstance(stored, dict):
            raise StashQueryError("Stash did not return the stored settings")
        return stored

    def _write(self, settings: Mapping[str, Any]) -> None:
        variables = {"plugin": PLUGIN_ID, "settings": settings}
        self.connection.query(queries.CONFIGURE_PLUGIN, variables)

    def _stored(self) -> Any:
        configuration = self.connection.query(queries.SETTINGS).get("configuration")
        configuration = configuration if isinstance(configuration, dict) else {}
        general, plugins = configuration.get("general"), configuration.get("plugins")
        self.connection.use_api_key(general.get("apiKey") if isinstance(general, dict) else None)
        return plugins.get(PLUGIN_ID, {}) if isinstance(plugins, dict) else None
