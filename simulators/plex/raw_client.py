"""A minimal client of Plex for tests, which sends exactly the given requests."""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import requests


class RawClient(requests.Session):
    """A keep-alive session with a token, without redirects and proxy settings."""

    def __init__(self, url: str, token: str, timeout: float = 10.0) -> None:
        super().__init__()
        self.url = url
        self.timeout = timeout
        self.trust_env = False
        self.headers["X-Plex-Token"] = token

    def ask(self, method: str, path: str, query: Any = None, **more: Any) -> requests.Response:
        """Send a request; a query string in `path` is sent unchanged."""
        more = {"timeout": self.timeout, "allow_redirects": False, **more}
        return self.request(method, self.url + path, params=query, **more)

    def xml(self, path: str, query: Any = None, **more: Any) -> ET.Element:
        """Return the XML document at a path."""
        answer = self.ask("GET", path, query, **more)
        answer.raise_for_status()
        return ET.fromstring(answer.content)

    def titles(self, path: str, query: Any = None) -> list[str]:
        """Return the titles of the items in a listing, in order."""
        return [row.attrib["title"] for row in self.xml(path, query)]

    def edit(self, rating_key: int | str, query: Mapping[str, object]) -> requests.Response:
        """Send a PUT request that edits items of the first section."""
        return self.ask("PUT", "/library/sections/1/all", {"type": 1, "id": rating_key, **query})
