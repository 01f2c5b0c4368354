"""A bare client: exactly the request that a test writes, nothing hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self, TypeAlias
from xml.etree import ElementTree as ET

import requests

Query: TypeAlias = "Mapping[str, object] | Sequence[tuple[str, object]]"


class RawClient:
    """One keep-alive session with a token; follows no redirect, reads no proxy settings.

    Args:
        url: of the server.
        token: None sends none.
        timeout: seconds for connecting and for each read.
    """

    def __init__(self, url: str, token: str | None, timeout: float = 10.0) -> None:
        self.url = url
        self.timeout = timeout
        self.session = requests.Session()
        self.session.trust_env = False
        if token is not None:
            self.session.headers["X-Plex-Token"] = token

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.session.close()

    def ask(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> requests.Response:
        """Send it; `path` may hold a query string of its own, which goes out as it is."""
        return self.session.request(
            method,
            self.url + path,
            params=[(name, str(value)) for name, value in _pairs(query)],
            headers=headers,
            data=data,
            timeout=self.timeout,
            allow_redirects=False,
        )

    def get(self, path: str, query: Query | None = None, **headers: str) -> requests.Response:
        """GET; `X_Plex_Container_Size="5"` becomes a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("GET", path, query, headers=named)

    def xml(self, path: str, query: Query | None = None, **headers: str) -> ET.Element:
        """GET a document.

        Raises:
            requests.HTTPError: if the status is an error.
        """
        answer = self.get(path, query, **headers)
        answer.raise_for_status()
        return ET.fromstring(answer.content)

    def titles(self, path: str, query: Query | None = None, **headers: str) -> list[str]:
        """Titles of the rows of a listing, in order."""
        return [row.attrib["title"] for row in self.xml(path, query, **headers)]

    def edit(
        self, rating_key: int | str, query: Query, section: int | str = 1
    ) -> requests.Response:
        """The edit PUT on a section's items."""
        address: list[tuple[str, object]] = [("type", 1), ("id", rating_key)]
        return self.ask("PUT", f"/library/sections/{section}/all", [*address, *_pairs(query)])


def _pairs(query: Query | None) -> list[tuple[str, object]]:
    if query is None:
        return []
    return list(query.items()) if isinstance(query, Mapping) else list(query)
