"""`obfuscate_paths` in a process: in force from its first line on.

A file in the data folder exists while the setting is on: hooks do not ask Stash for it.
"""

import os
import sys

from shared.data_folder import DataFolder
from validation.obfuscation import Disguise

_PLUGIN = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def disguise_of(folder: DataFolder) -> Disguise:
    """Return this process's disguise, on when the setting was on when somebody last read it.

    Our own folders are named by what they are: who reads a log is to find the files it speaks of.
    """
    disguise = Disguise()
    disguise.on = os.path.exists(folder.obfuscate_paths)
    disguise.note_own(folder.root, "{data}")
    disguise.note_own(_PLUGIN, "{plugin}")
    disguise.note_own(sys.base_prefix, "{python}")
    disguise.note_own(sys.prefix, "{python}")
    return disguise
