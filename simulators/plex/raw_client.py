from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import requests


class RawClient(requests.Session):
    def __init__(self, url: str, token: str, timeout: float = 10.0) -> None:
        super().__init__()
        self.url = url
        self.timeout = timeout
        self.trust_env = False
        self.headers["X-Plex-Token"] = token

    def ask(self, method: str, path: str, query: Any = None, **more: Any) -> requests.Response:
        more = {"timeout": self.timeout, "allow_redirects": False, **more}
        return self.request(method, self.url + path, params=query, **more)

    def xml(self, path: str, query: Any = None, **more: Any) -> ET.Element:
        answer = self.ask("GET", path, query, **more)
        answer.raise_for_status()
        return ET.fromstring(answer.content)

    def titles(self, path: str, query: Any = None) -> list[str]:
        return [row.attrib["title"] for row in self.xml(path, query)]

    def edit(self, rating_key: int | str, query: Mapping[str, object]) -> requests.Response:
        return self.ask("PUT", "/library/sections/1/all", {"type": 1, "id": rating_key, **query})
