"""Whose metadata an item shows when several scenes have their files in it.

Plex merges versions of a video into one item, and Stash may have a scene of each. If every one of
them wrote, the item would flip with each edit.
"""

from collections.abc import Collection, Mapping


def owner_of(claimants: Mapping[int, bool], logged: Collection[int]) -> int:
    """Return the scene that an item shows.

    It is the one whose file is the first of the item's first version. Where that is not among
    those who ask, whoever was written to it stays, and at first the scene of the lowest id.

    Args:
        claimants: the scenes that now have a file in the item, and whether it is the first one.
        logged: the scenes that the item was written for before.
    """
    firsts = [scene for scene, has_first in claimants.items() if has_first]
    return min(firsts or logged or claimants)
