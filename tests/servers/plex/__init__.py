"""A fake Plex Media Server, built from plex-protocol.md rather than from what one client sends."""

from tests.servers.plex.fake import FakePlex
from tests.servers.plex.faults import Exchange, Fault, Faults
from tests.servers.plex.request_log import Kind, Request, RequestLog
from tests.servers.plex.scans import Activity
from tests.servers.plex.snapshot import ActorState, ItemState
from tests.servers.plex.state import (
    Actor,
    Collection,
    Image,
    Item,
    ItemFields,
    Media,
    Part,
    Section,
)
from tests.servers.plex.switches import Switches

__all__ = [
    "Activity",
    "Actor",
    "ActorState",
    "Collection",
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
