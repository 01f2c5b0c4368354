"""Replaces paths and known titles in log lines with pseudonyms, so that logs are safe to share."""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache

from shared.data_folder import DataFolder
from validation.paths import folders_above
from validation.sanitizers import MAX_NAME
from validation.scene_extractor import StashScene

_PLUGIN = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
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
# 40,000 known titles and paths take about 10 MB of memory.
MOST_KNOWN = 40_000
_SHORTEST_TITLE = 4
_W = "(?:" + "|".join(_WORDS) + ")"
_THREE = f"{_W}-{_W}-{_W}"
_WORD = re.compile(r"\w+")
_PLACEHOLDER = re.compile(r"\0(\d+)\0")
_LABEL = re.compile(r"""(?<=[Ss]cene )(\d+ ["(])(.{1,300}?)([")])(?=[:;,.]|$)""")
_ROOT = r"(?:[A-Za-z]:[\\/]|\\\\|/)"
_END = r"""(?:[;,:.](?:\s|$)|\s\(|\sin\s'|=>|['"|\x00]|$)"""
_SPAN = rf"(?:(?!{_END}).)+"
# A comma or a colon ends a path, unless a slash or a video's extension follows later in the text.
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
_METHOD_OF_REQUEST = re.compile(r"\b(?:GET|PUT|POST|DELETE|HEAD)\s$")
_LONGEST_METHOD = len(" DELETE ")
_COMPONENT = re.compile(r"[^/\\]+")
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")


@lru_cache(maxsize=4096)
def pseudonym(text: str) -> str:
    if re.fullmatch(_THREE, text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return "-".join(_WORDS[byte % len(_WORDS)] for byte in digest[:3])


def pseudonym_of_path(path: str) -> str:
    def words(match: re.Match[str]) -> str:
        text = match[0]
        if re.fullmatch(r"[A-Za-z]:|\?", text):
            return text
        extension = _EXTENSION.search(text) if match.end() == len(path) else None
        stem = text[: extension.start()] if extension else text
        return pseudonym(stem) + (extension[0] if extension else "") if stem else text

    return _COMPONENT.sub(words, path)


class Obfuscator:
    def __init__(self) -> None:
        self.on = False
        self._own: dict[str, str] = {}
        self._words: dict[str, str] = {}
        self._index: dict[str, dict[str, tuple[int, str]]] = {}

    def name_folder(self, folder: str, name: str) -> None:
        if len(folder) > 1:
            self._own[folder] = name

    def note_scene(self, scene: StashScene) -> None:
        self.note_video(scene.title, [file.path for file in scene.files])

    def note_video(self, title: str, paths: Iterable[str]) -> None:
        if self.on:
            self._note_title(title)
            self.note_paths(paths)

    def note_paths(self, paths: Iterable[str]) -> None:
        for path in paths if self.on else ():
            name = path.replace("\\", "/").rsplit("/", 1)[-1]
            self._note_title(_EXTENSION.sub("", name))
            for known_path in (name, path, *folders_above(path)):
                self._note(known_path, pseudonym_of_path)

    def _note_title(self, title: str) -> None:
        for spelling in {title, title.strip(), " ".join(title.split()), title[:MAX_NAME]}:
            if len(spelling) >= _SHORTEST_TITLE:
                self._note(spelling, pseudonym)

    def _note(self, text: str, words: Callable[[str], str]) -> None:
        known = self._words.pop(text, None)
        if known is not None:
            self._words[text] = known
            return
        # Index a path by a word of its last component, because many paths share the first folders.
        last_part = max(text.rfind("/"), text.rfind("\\")) + 1
        first = _WORD.search(text, last_part) or _WORD.search(text)
        if first is None:
            return
        self._words[text] = first[0]
        self._index.setdefault(first[0], {})[text] = (first.start(), words(text))
        if len(self._words) > MOST_KNOWN:
            least_recent = next(iter(self._words))
            word = self._words.pop(least_recent)
            del self._index[word][least_recent]
            if not self._index[word]:
                del self._index[word]

    def apply(self, text: str) -> str:
        protected: list[str] = []

        def protect(words: str) -> str:
            protected.append(words)
            return f"\0{len(protected) - 1}\0"

        text = text.replace("\0", " ")
        for folder in sorted(self._own, key=len, reverse=True):
            text = text.replace(folder, self._own[folder])
        text = self._without_known(text, protect)

        def restored(part: str) -> str:
            return _PLACEHOLDER.sub(lambda match: protected[int(match[1])], part)

        text = _LABEL.sub(lambda m: f"{m[1]}{protect(pseudonym(restored(m[2])))}{m[3]}", text)
        return restored(re.sub(_PATH, lambda match: _without_path(match, text), text))

    def _without_known(self, text: str, protect: Callable[[str], str]) -> str:
        parts: list[str] = []
        done = 0
        for token in _WORD.finditer(text):
            found = self._known_at(text, token, done)
            if found is not None:
                start, end, words = found
                parts += [text[done:start], protect(words)]
                done = end
        return "".join([*parts, text[done:]])

    def _known_at(self, text: str, token: re.Match[str], done: int) -> tuple[int, int, str] | None:
        best: tuple[int, int, str] | None = None
        for known, (offset, words) in self._index.get(token[0], {}).items():
            start = token.start() - offset
            end = start + len(known)
            is_better = start >= done and (best is None or end - start > best[1] - best[0])
            if is_better and text.startswith(known, start) and _stands_alone(text, start, end):
                best = (start, end, words)
        return best


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    begins = not before.isalnum() or not (text[start].isalnum() or text[start] in "/\\")
    return begins and not after.isalnum() and after not in tuple("/\\_")


def _without_path(match: re.Match[str], text: str) -> str:
    if match["done"]:
        return match[0]
    if match["quoted"]:
        return f"{match['quote']}{pseudonym_of_path(match['quoted'])}{match['quote']}"
    if _METHOD_OF_REQUEST.search(text, max(0, match.start() - _LONGEST_METHOD), match.start()):
        return match[0]
    path: str = match["bare"]
    rest = path.rstrip()
    return pseudonym_of_path(rest) + path[len(rest) :]


def obfuscator_for(folder: DataFolder) -> Obfuscator:
    obfuscator = Obfuscator()
    obfuscator.on = os.path.exists(folder.obfuscate_paths)
    obfuscator.name_folder(folder.root, "{data}")
    obfuscator.name_folder(_PLUGIN, "{plugin}")
    obfuscator.name_folder(sys.base_prefix, "{python}")
    obfuscator.name_folder(sys.prefix, "{python}")
    return obfuscator
