"""A fake Plex Media Server, built from plex-protocol.md rather than from what one client sends."""

from simulators.plex.fake import FakePlex
from simulators.plex.faults import Exchange, Fault, Faults
from simulators.plex.request_log import Kind, Request, RequestLog
from simulators.plex.scans import Activity
from simulators.plex.snapshot import ActorState, ItemState
from simulators.plex.state import (
    Actor,
    Collection,
    Image,
    Item,
    ItemFields,
    Media,
    Part,
    Section,
)
from simulators.plex.switches import Switches

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
