"""Paths and titles as words, for logs that are shown to others (`obfuscate_paths`).

The same text always becomes the same words, in every process: they are drawn by its SHA-256. What
was noted is found wherever it stands, whatever is in it; what was not is recognised by its form.
"""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache

from shared.data_folder import DataFolder
from validation.limits import MAX_NAME
from validation.paths import folders_above
from validation.scene_extractor import StashScene

_PLUGIN = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Three of 128 words: two of a library's 10,000 folders and files share theirs by a chance of 1/40.
_TEXT = """
    acorn amber anchor apple april arrow aspen attic autumn badge bagel bamboo barley basil
    beacon berry birch bison blanket bonfire breeze brook bucket button cabin candle canyon
    carrot cedar cello cherry circus clover cobalt comet copper coral cotton cradle cricket
    crystal cypress daisy dancer dawn delta denim dune eagle echo ember falcon feather fern
    fiddle flint forest fossil garden garlic ginger glacier granite grove hammer harbor
    hazel heron honey igloo indigo island ivory jacket jasmine jungle juniper kettle kite
    ladder lagoon lantern laurel lemon lilac linen lotus magnet maple marble meadow melon
    mint mitten moss nectar needle nutmeg oak oasis olive onyx orchid otter oyster paddle
    panda pebble pepper pigeon pine plum poppy prairie pumpkin quartz quilt raven ribbon
    river saffron sage sparrow spruce squash summit thistle tulip
"""
_WORDS = tuple(_TEXT.split())
MOST_KNOWN = 20_000  # texts in each of two generations: some 5 MB; older ones are dropped
_SHORTEST = 4  # characters; a shorter title would blank out ordinary words, but for its label
_W = "(?:" + "|".join(_WORDS) + ")"
_THREE = f"{_W}-{_W}-{_W}"
_WORD = re.compile(r"\w+")
_HELD = re.compile(r"\0(\d+)\0")
_LABEL = re.compile(r"(?<=Scene )(\d+) \((.{1,300}?)\)(?=[:;,.]|$)")
_ROOT = r"(?:[A-Za-z]:[\\/]|\\\\|/)"
_END = r"""(?:[;,:.](?:\s|$)|\s\(|\sin\s'|=>|['"|\x00]|$)"""
_SPAN = rf"(?:(?!{_END}).)+"
# Behind what looks like the end of a path, more of it: no new path, but a separator in a word.
_VIDEO = r"\.(?:mp4|m4v|mkv|avi|wmv|mov|webm|flv|mpe?g|m?ts)"
_ON = r"""[^;:'"|\x00/\\]{0,80}"""
_MORE = (
    rf"""(?:[;,:.]?\s\(?(?!{_ROOT}){_ON}"""
    rf"""(?:[^\s;,:'"|\x00/\\][\\/](?=\w){_SPAN}|{_VIDEO}(?={_END})))*"""
)
_PATH = (
    rf"(?P<done>{_ROOT}{_THREE}(?:[\\/]{_THREE})*(?:\.\w{{1,5}})?(?![\w\\/]))"
    rf"""|(?P<quote>['"])(?P<quoted>{_ROOT}.{{0,1000}}?)(?P=quote)(?!\w)"""
    rf"|(?<![\w:/\\}}.<])(?P<bare>{_ROOT}(?=\w|[\\/?]){_SPAN}{_MORE})"
)
_REQUEST = re.compile(r"\b(?:GET|PUT|POST|DELETE|HEAD)\s$")
_LONGEST_METHOD = len(" DELETE ")
_COMPONENT = re.compile(r"[^/\\]+")
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")
# By a word in them, the first of a path's last part, and by where it is and how long they are,
# so that one look into a dictionary tells whether a text is among those: text → words.
_Known = dict[str, dict[tuple[int, int], dict[str, str]]]


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern that lists all words: reading those takes as long as starting Python."""
    return re.compile(pattern)


@lru_cache(maxsize=4096)
def words_for(text: str) -> str:
    """Return three words for a text; words that were drawn before stay as they are."""
    if _compiled(_THREE).fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return "-".join(_WORDS[byte % len(_WORDS)] for byte in digest[:3])


def words_for_path(path: str) -> str:
    """Return a path whose folders and name are words; drive, separators and extension stay."""

    def words(match: re.Match[str]) -> str:
        text = match[0]
        if re.fullmatch(r"[A-Za-z]:|\?", text):
            return text
        extension = _EXTENSION.search(text) if match.end() == len(path) else None
        stem = text[: extension.start()] if extension else text
        return words_for(stem) + (extension[0] if extension else "") if stem else text

    return _COMPONENT.sub(words, path)


class Disguise:
    """Knows what must not be seen, and what stands in its place.

    Attributes:
        on: whether the setting is on; nothing is noted without.
    """

    def __init__(self) -> None:
        self.on = False
        self._own: dict[str, str] = {}
        self._known: _Known = {}
        self._older: _Known = {}
        self._count = 0

    def note_own(self, folder: str, name: str) -> None:
        """Let a folder of our own be called by a name, so that a path in it can still be found."""
        if len(folder) > 1:
            self._own[folder] = name

    def note_scene(self, scene: StashScene) -> None:
        """Note a scene's title and files."""
        if self.on:
            self._note_title(scene.title)
            self.note_paths(file.path for file in scene.files)

    def note_video(self, title: str, paths: Iterable[str]) -> None:
        """Note what Plex shows as the title of a video, and its files."""
        if self.on:
            self._note_title(title)
            self.note_paths(paths)

    def note_paths(self, paths: Iterable[str]) -> None:
        """Note paths, the folders they lie in, and the names of their files."""
        if not self.on:
            return
        for path in paths:
            for one in (path, *folders_above(path)):
                if not self._note(one, words_for_path):
                    break  # and the folders above it, too
            name = path.replace("\\", "/").rsplit("/", 1)[-1]
            self._note_title(_EXTENSION.sub("", name))
            self._note(name, words_for_path)

    def _note_title(self, title: str) -> None:
        for one in {title, title.strip(), " ".join(title.split()), title[:MAX_NAME]}:
            if len(one) >= _SHORTEST:
                self._note(one, words_for)

    def _note(self, text: str, words: Callable[[str], str]) -> bool:
        """Note a text and what it becomes; False when that is known."""
        last_part = max(text.rfind("/"), text.rfind("\\")) + 1
        first = _WORD.search(text, last_part) or _WORD.search(text)
        if first is None:
            return False
        if self._count >= MOST_KNOWN:
            self._older, self._known, self._count = self._known, {}, 0
        place = (first.start(), len(text))
        group = self._known.setdefault(first[0], {}).setdefault(place, {})
        if text in group:
            return False
        group[text] = words(text)
        self._count += 1
        return True

    def apply(self, text: str) -> str:
        """Return the text with words in the place of paths and titles; twice is as once."""
        held: list[str] = []

        def hold(words: str) -> str:
            held.append(words)
            return f"\0{len(held) - 1}\0"

        text = text.replace("\0", " ")
        for folder in sorted(self._own, key=len, reverse=True):
            text = text.replace(folder, self._own[folder])
        text = self._without_known(text, hold)

        def restored(part: str) -> str:
            return _HELD.sub(lambda match: held[int(match[1])], part)

        text = _LABEL.sub(lambda m: f"{m[1]} ({hold(words_for(restored(m[2])))})", text)
        return restored(_compiled(_PATH).sub(lambda match: _without_path(match, text), text))

    def _without_known(self, text: str, hold: Callable[[str], str]) -> str:
        parts: list[str] = []
        done = 0
        for token in _WORD.finditer(text):
            found = self._known_at(text, token, done)
            if found is not None:
                start, end, words = found
                parts += [text[done:start], hold(words)]
                done = end
        return "".join([*parts, text[done:]])

    def _known_at(self, text: str, token: re.Match[str], done: int) -> tuple[int, int, str] | None:
        """Return the longest known text that this word gives away: where, and what it becomes."""
        best: tuple[int, int, str] | None = None
        for generation in (self._known, self._older):
            for (offset, length), group in generation.get(token[0], {}).items():
                start = token.start() - offset
                if start < done or (best is not None and length <= best[1] - best[0]):
                    continue
                words = group.get(text[start : start + length])
                if words is not None and _stands_alone(text, start, start + length):
                    best = (start, start + length, words)
        return best


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Tell whether a text neither ends within a word nor is a folder of a path that goes on."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    begins = not before.isalnum() or not (text[start].isalnum() or text[start] in "/\\")
    return begins and not after.isalnum() and after not in tuple("/\\_")


def _without_path(match: re.Match[str], text: str) -> str:
    if match["done"]:
        return match[0]
    if match["quoted"]:
        return f"{match['quote']}{words_for_path(match['quoted'])}{match['quote']}"
    if _REQUEST.search(text, max(0, match.start() - _LONGEST_METHOD), match.start()):
        return match[0]  # Plex's own path of a request
    path: str = match["bare"]
    rest = path.rstrip()
    return words_for_path(rest) + path[len(rest) :]


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
