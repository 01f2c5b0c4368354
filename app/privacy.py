"""`obfuscate_paths` in a process: in force from its first line, by the hint of the last one."""

import os
import sys

from shared.data_folder import DataFolder
from shared.settings_hint import read_hint
from validation.obfuscation import Disguise

_PLUGIN = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def disguise_of(folder: DataFolder) -> Disguise:
    """Return this process's disguise, on when the setting was on when somebody last read it.

    Our own folders are named by what they are: who reads a log is to find the files it speaks of.
    """
    disguise = Disguise()
    disguise.on = read_hint(folder.settings_hint).get("obfuscate_paths") is True
    disguise.note_own(folder.root, "{data}")
    disguise.note_own(_PLUGIN, "{plugin}")
    disguise.note_own(sys.base_prefix, "{python}")
    disguise.note_own(sys.prefix, "{python}")
    return disguise
