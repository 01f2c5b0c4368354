"""A fake Plex Media Server whose behaviour follows observations of real servers."""

from simulators.plex.fake import FakePlex as FakePlex
from simulators.plex.request_log import Kind as Kind
from simulators.plex.request_log import Request as Request
from simulators.plex.snapshot import ItemState as ItemState
from simulators.plex.state import Actor as Actor
from simulators.plex.state import Image as Image
from simulators.plex.state import Item as Item
from simulators.plex.state import ItemFields as ItemFields
from simulators.plex.state import Media as Media
from simulators.plex.state import Part as Part
from simulators.plex.state import Section as Section
from simulators.plex.switches import Switches as Switches
from simulators.traffic import Fault as Fault
