"""A fake Plex Media Server, built from how real servers behave."""

from simulators.plex.fake import FakePlex
from simulators.plex.faults import Faults
from simulators.plex.request_log import Kind, Request, RequestLog
from simulators.plex.snapshot import ItemState
from simulators.plex.state import (
    Actor,
    Image,
    Item,
    ItemFields,
    Media,
    Part,
    Section,
)
from simulators.plex.switches import Switches
from simulators.traffic import Exchange, Fault

__all__ = [
    "Actor",
    "Exchange",
    "FakePlex",
    "Fault",
    "Faults",
    "Image",
    "Item",
    "ItemFields",
    "ItemState",
    "Kind",
    "Media",
    "Part",
    "Request",
    "RequestLog",
    "Section",
    "Switches",
]
