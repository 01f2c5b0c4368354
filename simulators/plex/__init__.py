from simulators.plex.fake import FakePlex as FakePlex
from simulators.plex.request_log import Kind as Kind, Request as Request
from simulators.plex.snapshot import ItemState as ItemState
from simulators.plex.state import (
    TAG_ATTRIBUTES as TAG_ATTRIBUTES,
    Actor as Actor,
    Image as Image,
    Item as Item,
    ItemFields as ItemFields,
    Media as Media,
    Part as Part,
    Section as Section,
)
from simulators.plex.switches import Switches as Switches
from simulators.traffic import Fault as Fault
