from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from plex.client import READ_BATCH
from plex.exceptions import PlexAmbiguousMatch, PlexCopy, PlexError, PlexNotFound
from plex.items import LibraryPart
from plex.matcher import Match, MatchConfidence, Matching, still_holds
from plex.path_learning import prefix_pairs
from plex.scanner_rules import is_plex_version, why_absent
from shared.events import Event, unreported
from stash.exceptions import StashQueryError
from validation.paths import components, short_name_in
from validation.scene_extractor import SceneFile
from worker.services import Services
from worker.sync.item_owner import assign_items
from worker.sync.scene_work import SceneWork
from worker.sync.session import SyncSession

MOST_NAMED = 5
_TASK = "the task 'Check Path Mapping'"
_SCAN = "Scan the library of the file in Plex"


@dataclass
class ItemFinder:
    services: Services
    session: SyncSession
    batch: int = READ_BATCH
    is_preview: bool = False

    def find(self, works: Sequence[SceneWork]) -> set[int]:
        """Find the Plex items of each scene. Return the ids of scenes that Stash has deleted."""
        self._match_by_path(works)
        self._search(works)
        missing = [work for work in works if not work.items and work.error is None]
        matcher = self.session.matcher
        outside = [
            work
            for work in works
            if work.error is None
            and any(matcher.is_outside(file.path) for file in work.matching.unmatched)
        ]
        if outside:
            try:
                scenes = [work.scene for work in outside]
                self.session.learning.consider(scenes, matcher.is_outside)
            except StashQueryError as error:
                self.services.log.event(Event.PATHS_NOT_LEARNED, error=error)
        unmatched = {id(work): work for work in (*missing, *outside)}.values()
        for work in unmatched:
            work.matching = matcher.find(work.scene.files, work.scene.id)
            if work.matching.candidates and not self.session.config.strict_matching:
                work.matching = self._guess(work)
        self._read(unmatched)
        for work in missing:
            if not work.items and work.error is None:
                work.error = self._why_not(work)
        found = [work for work in works if work.items]
        report = unreported if self.is_preview else self.services.log.event
        return assign_items(self.services, self.session, found, report)

    def _search(self, works: Sequence[SceneWork]) -> None:
        found = [(work, self._lacking_files(work)) for work in works if work.error is None]
        sought = [(work, files) for work, files in found if files]
        if not sought:
            return
        try:
            asked = self.session.look_for(file.path for _, files in sought for file in files)
            if asked:
                self._match_by_path([work for work, _ in sought])
        except PlexError as error:
            for work, _ in sought:
                work.error = None if work.items else error
            return
        for work, _ in sought:
            since = max((claim.job.enqueued_at for claim in work.claims), default=0.0)
            work.looked_for = asked or self.session.library.looked_at >= since

    def _lacking_files(self, work: SceneWork) -> Sequence[SceneFile]:
        if not work.items:
            return work.scene.files
        unmatched = work.matching.unmatched
        return [file for file in unmatched if self.session.matcher.is_inside(file.path)]

    def _match_by_path(self, works: Sequence[SceneWork]) -> None:
        for work in works:
            work.matching = self.session.matcher.find(work.scene.files)
        self._read(works)

    def _read(self, works: Collection[SceneWork]) -> None:
        wanted = [
            (work, match)
            for work in works
            for match in work.matching.matches
            if match.rating_key not in {item.rating_key for item in work.items}
        ]
        keys = {match.rating_key for _, match in wanted}
        items, failed = self.session.library.read_items(sorted(keys), self.batch)
        for work, match in wanted:
            item = items.get(match.rating_key)
            if match.rating_key in failed:
                work.unseen, work.error = True, failed[match.rating_key]
            elif item is not None and still_holds(item, match):
                work.items.append(item)
            else:
                work.unseen = work.unseen or item is None
                if not self.is_preview:
                    self.session.library.index.forget_item(match.rating_key)

    def _guess(self, work: SceneWork) -> Matching:
        best, *others = work.matching.candidates
        same = [part for part in others if components(part.path) == components(best.path)]
        rejected = [part for part in others if part not in same]
        titles = self._titles()
        self.services.log.event(
            Event.MATCH_GUESSED,
            scene=work.scene.id,
            label=work.scene.label,
            taken=_named([best], titles),
            others=_named(rejected, titles),
        )
        return Matching(
            tuple(Match(part.rating_key, part.path, MatchConfidence.LOW) for part in (best, *same)),
            work.matching.rule,
        )

    def _why_not(self, work: SceneWork) -> PlexError:
        files = work.scene.files
        if work.matching.candidates:
            return PlexAmbiguousMatch(ambiguous(files[0], work.matching.candidates, self._titles()))
        if all(is_plex_version(file.path) for file in files):
            return PlexCopy(
                f"{files[0].path} is a copy that Plex made of another video; exclude folders named "
                "'Plex Versions' from Stash's library"
            )
        library, to_plex = self.session.library, self.session.matcher.to_plex
        reasons = [why_absent(to_plex(file.path), file.size, library.known) for file in files]
        explained = all(reasons)
        same_named = library.index.find_named(files[0].path)
        text = not_found(files[0], reasons[0] if explained else "", same_named, self._titles())
        sure = work.looked_for and not work.unseen
        brief = f"Plex has no item for {files[0].path}"
        return PlexNotFound(text, looked_for=sure, explained=explained and sure, brief=brief)

    def _titles(self) -> dict[int, str]:
        return {section.key: section.title for section in self.session.library.sections_known()}


def ambiguous(file: SceneFile, candidates: Sequence[LibraryPart], titles: Mapping[int, str]) -> str:
    return (
        f"several files in Plex may match {file.path}: {_named(candidates, titles)}. "
        f"Set plex_unmatched_path_map ({_TASK} shows the value to set), or rename the files"
    )


def not_found(
    file: SceneFile, reason: str, same_named: Sequence[LibraryPart], titles: Mapping[int, str]
) -> str:
    text = f"Plex has no item for {file.path}"
    if reason:
        return f"{text}: {reason}"
    short_name = short_name_in(file.path)
    if short_name and not same_named:
        return (
            f"{text}. The file server uses the short name '{short_name}', because Stash's system "
            "does not allow the real name. Rename the file without special characters"
        )
    if not same_named:
        return f"{text}. {_SCAN}. If Plex names the folder differently, run {_TASK}"
    text = f"{text}. Files of the same name in Plex: {_named(same_named, titles)}"
    if file.size and all(part.size not in (0, file.size) for part in same_named):
        return f"{text}. None has the size of {file.size} bytes. {_SCAN}"
    text += ". If one of them is the file"
    pairs = [prefix_pairs(file.path, part.path) for part in same_named]
    mappings = {str(found[0]) for found in pairs if found}
    if len(mappings) == 1:
        return f"{text}, set plex_unmatched_path_map to {mappings.pop()}"
    return f"{text}, run {_TASK} for the path map to set"


def _named(parts: Sequence[LibraryPart], titles: Mapping[int, str]) -> str:
    first = [
        f"{part.path} (library '{titles.get(part.section, part.section)}')"
        for part in parts[:MOST_NAMED]
    ]
    more = len(parts) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")
