"""The stage of a batch that finds the Plex items of its scenes and reads them, many at once."""

from collections.abc import Collection, Sequence

from plex.exceptions import PlexAmbiguousMatch, PlexCopy, PlexError, PlexNotFound
from plex.item_reader import READ_BATCH
from plex.matcher import Match, MatchConfidence, Matching, still_holds
from plex.scanner_rules import is_plex_version, why_absent
from shared.events import Event, Report, unreported
from stash.exceptions import StashQueryError
from sync_queue.sync_log import SyncLog
from validation.paths import components
from validation.scene_extractor import SceneFile
from worker.sync.item_owner import ItemOwners, ReadScenes
from worker.sync.match_messages import ambiguous, named, not_found, plex_version
from worker.sync.scene_work import SceneWork
from worker.sync.session import SyncSession


class ItemFinder:
    """Finds items through the path index; whom it does not know is looked for once.

    It writes nothing but what may be found out again.

    Args:
        session: settings and Plex; its library is prepared.
        sync_log: knows for which scene an item was written.
        read: reads scenes from Stash, by their ids.
        report: gets an event about a choice that may be wrong.
        batch: how many items are read at once.
        forgets: drop from the index what Plex does not show, so that it is looked for anew.
    """

    def __init__(
        self,
        session: SyncSession,
        sync_log: SyncLog,
        read: ReadScenes,
        report: Report,
        *,
        batch: int = READ_BATCH,
        forgets: bool = True,
    ) -> None:
        self._session = session
        self._report = report
        # A preview stores nothing, so it would give the same warning in each run.
        tell = report if forgets else unreported
        self._owners = ItemOwners(sync_log, session.library.server_id, session.matcher, read, tell)
        self._batch = batch
        self._forgets = forgets

    @property
    def gone(self) -> set[int]:
        """The scenes that items were written for and that Stash was found not to have any more."""
        return self._owners.gone

    def find(self, work: Sequence[SceneWork]) -> None:
        """Give each scene its items, or the error for which it has none, or who has them instead.

        Raises:
            PlexError: Plex could not be asked, so nothing was found out about any of them.
            StashError: Stash could not be surveyed; likewise.
        """
        self._match_by_path(work)
        missing = [one for one in work if not one.items and one.error is None]
        in_part = [
            one for one in work if one.items and one.error is None and self._files_to_come(one)
        ]
        if missing or in_part:
            missing = self._look_again(missing, in_part)
        strangers = [one for one in work if one.error is None and self._is_stranger(one)]
        self._learn(strangers)
        self._match_by_any_rule({id(one): one for one in (*missing, *strangers)}.values())
        for one in missing:
            if not one.items and one.error is None:
                one.error = self._why_not(one)
        self._owners.settle([one for one in work if one.items])

    def _look_again(
        self, missing: Sequence[SceneWork], in_part: Sequence[SceneWork]
    ) -> list[SceneWork]:
        """Look for scenes in a fresh listing; return those that are not there.

        Where Plex could not be asked none is known to be missing: they get its error. Those that
        have an item, and a file of which Plex may know by now, go on with what they have.
        """
        files = [file for one in missing for file in one.scene.files]
        files += [file for one in in_part for file in self._files_to_come(one)]
        try:
            asked = self._session.look_for(file.path for file in files)
            if asked:
                self._match_by_path([*missing, *in_part])
        except PlexError as error:
            for one in missing:
                one.error = error
            return []
        looked_at = self._session.library.looked_at
        for one in missing:
            since = max((claim.job.enqueued_at for claim in one.claims), default=0.0)
            one.looked_for = asked or looked_at >= since
        return [one for one in missing if not one.items and one.error is None]

    def _match_by_path(self, work: Sequence[SceneWork]) -> None:
        for one in work:
            one.matching = self._session.matcher.find_by_path(one.scene.files)
        self._read(work)

    def _match_by_any_rule(self, work: Collection[SceneWork]) -> None:
        for one in work:
            one.matching = self._session.matcher.find(one.scene.files, one.scene.id)
            if one.matching.candidates and not self._session.config.strict_matching:
                one.matching = self._guess(one)
        self._read(work)

    def _read(self, work: Collection[SceneWork]) -> None:
        wanted = [
            (one, match)
            for one in work
            for match in one.matching.matches
            if match.rating_key not in {item.rating_key for item in one.items}
        ]
        keys = {match.rating_key for _, match in wanted}
        items, failed = self._session.library.read_items(sorted(keys), self._batch)
        for one, match in wanted:
            if match.rating_key in failed:
                one.unseen, one.error = True, failed[match.rating_key]
                continue
            item = items.get(match.rating_key)
            if item is not None and still_holds(item, match):
                one.items.append(item)
                continue
            one.unseen = one.unseen or item is None
            if self._forgets:
                self._session.library.index.forget_item(match.rating_key)

    def _files_to_come(self, one: SceneWork) -> list[SceneFile]:
        """Return the files of the scene that Plex does not have, though in one of its folders."""
        unmatched = one.matching.unmatched
        return [file for file in unmatched if self._session.matcher.is_inside(file.path)]

    def _is_stranger(self, one: SceneWork) -> bool:
        """Tell whether a file of the scene is unknown and its path means nothing to Plex."""
        unmatched = one.matching.unmatched
        return any(self._session.matcher.is_outside(file.path) for file in unmatched)

    def _learn(self, strangers: Sequence[SceneWork]) -> None:
        """Let scenes whose paths mean nothing to Plex teach us what it calls their folders."""
        if strangers:
            scenes = [one.scene for one in strangers]
            try:
                self._session.learning.consider(scenes, self._session.matcher.is_outside)
            except StashQueryError as error:
                self._report(Event.PATHS_NOT_LEARNED, error=error)

    def _guess(self, one: SceneWork) -> Matching:
        best, *others = one.matching.candidates
        same = [part for part in others if components(part.path) == components(best.path)]
        rejected = [part for part in others if part not in same]
        titles = self._titles()
        self._report(
            Event.MATCH_GUESSED,
            scene=one.scene.id,
            label=one.scene.label,
            taken=named([best], titles),
            others=named(rejected, titles),
        )
        return Matching(
            tuple(Match(part.rating_key, part.path, MatchConfidence.LOW) for part in (best, *same)),
            one.matching.rule,
        )

    def _why_not(self, one: SceneWork) -> PlexError:
        files = one.scene.files
        if one.matching.candidates:
            return PlexAmbiguousMatch(ambiguous(files[0], one.matching.candidates, self._titles()))
        if all(is_plex_version(file.path) for file in files):
            return PlexCopy(plex_version(files[0]))
        reasons = [self._why_absent(file) for file in files]
        explained = all(reasons)
        namesakes = self._session.matcher.same_named_files(files[0])
        text = not_found(files[0], reasons[0] if explained else "", namesakes, self._titles())
        sure = one.looked_for and not one.unseen
        return PlexNotFound(text, looked_for=sure, explained=explained and sure)

    def _why_absent(self, file: SceneFile) -> str:
        library, path = self._session.library, self._session.matcher.to_plex(file.path)
        movies, others = library.sections_known(), library.other_libraries_known()
        return why_absent(path, file.size, movies, others)

    def _titles(self) -> dict[int, str]:
        return {one.key: one.title for one in self._session.library.sections_known()}
