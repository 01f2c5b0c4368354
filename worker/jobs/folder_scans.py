"""New scenes: Plex is asked to scan their folder, once per folder and burst."""

from collections.abc import Callable, Iterator, Sequence

from plex.exceptions import PlexError
from plex.items import Section
from plex.matcher import PlexMatcher
from shared.events import Event
from shared.log import Log
from stash.scenes import StashScenes
from sync_queue.models import Claim
from validation.paths import components, split_path
from validation.scene_extractor import StashScene
from worker.sync.results import Failed, FolderScanned, Result, ScanPostponed
from worker.sync.session import SyncSession

SCAN_INTERVAL = 60.0  # seconds between two scans of one folder

Target = tuple[Section, str]  # a library, and a folder in it as Plex names it


def scan_targets(folder: str, sections: Sequence[Section]) -> list[Target]:
    """Return which library is to scan the folder, under the name that Plex has for it.

    The library whose location is the longest that contains the folder; several when they share
    that location, none when no library has it. Case, composition and kind of separator do not
    count, and the answer is spelled as the location is: Plex scans nothing under another name.
    """
    wanted = components(folder)
    found: list[tuple[int, Target]] = []
    for section in sections:
        for location in section.locations:
            above = components(location)
            if above == wanted[: len(above)]:
                rest = split_path(folder)[len(above) :]
                found.append((len(above), (section, _joined(location, rest))))
    longest = max((length for length, _ in found), default=0)
    return [target for length, target in found if length == longest]


def folder_of(path: str) -> str:
    """Return the folder of a file, whatever kind of path it has."""
    separator = "/" if "/" in path else "\\"
    folder = path.rpartition(separator)[0]
    return folder if folder and not folder.endswith(":") else folder + separator


class FolderScans:
    """Carries out scan jobs; remembers which folder was scanned when.

    The memory is this object's: after a restart a folder may be scanned once more, harmlessly.

    Args:
        scenes: Stash's scenes.
        log: is told what Plex scans, and which folder it cannot find.
    """

    def __init__(self, scenes: StashScenes, clock: Callable[[], float], log: Log) -> None:
        self._scenes = scenes
        self._clock = clock
        self._log = log
        self._scanned_at: dict[tuple[int, str], float] = {}
        self._told: set[str] = set()

    def run(self, session: SyncSession, claims: Sequence[Claim]) -> Iterator[Result]:
        """Yield how each scan job ended; the caller settles one before the next.

        Raises:
            StashError, PlexError: nothing of what was not yielded was decided.
        """
        if not claims:
            return
        if not session.config.trigger_plex_scan:
            label = f"{len(claims)} new scenes"
            yield FolderScanned(claims, label, "trigger_plex_scan is off")
            return
        scenes = self._scenes.read([one.job.scene_id for one in claims if one.job.scene_id])
        sections = session.library.sections()
        for claim in claims:
            scene = scenes.get(claim.job.scene_id or 0)
            if scene is None:
                yield FolderScanned([claim], claim.job.job_key, "gone from Stash")
            elif not scene.files:
                yield FolderScanned([claim], scene.label, "it has no file yet")
            else:
                yield self._scan(session, sections, claim, scene)

    def _scan(
        self, session: SyncSession, sections: list[Section], claim: Claim, scene: StashScene
    ) -> Result:
        targets = self._targets(session.matcher, sections, scene)
        if not targets:
            return FolderScanned([claim], scene.label, "no library of Plex has its folder")
        wait_until = 0.0
        try:
            for section, folder in targets:
                wait_until = max(wait_until, self._scan_once(session, section, folder, claim))
        except PlexError as error:
            return Failed([claim], scene.label, error)
        if wait_until:
            return ScanPostponed([claim], scene.label, wait_until)
        return FolderScanned([claim], scene.label, "scanned", by_plex=True)

    def _targets(
        self, matcher: PlexMatcher, sections: list[Section], scene: StashScene
    ) -> list[Target]:
        found: dict[tuple[int, str], Target] = {}
        for file in scene.files:
            folder = folder_of(matcher.to_plex(file.path))
            targets = scan_targets(folder, sections)
            if not targets:
                self._warn(scene, folder_of(file.path), folder, sections)
            for section, name in targets:
                found[section.key, name] = (section, name)
        return list(found.values())

    def _scan_once(
        self, session: SyncSession, section: Section, folder: str, claim: Claim
    ) -> float:
        """Ask for a scan unless there was one; return until when the job has to wait, 0 if not."""
        now = self._clock()
        last = self._scanned_at.get((section.key, folder))
        if last is not None and 0 <= now - last < SCAN_INTERVAL:
            return 0.0 if claim.job.enqueued_at <= last else last + SCAN_INTERVAL
        session.client.scan_folder(section.key, folder)
        self._scanned_at = {
            key: at for key, at in self._scanned_at.items() if 0 <= now - at < SCAN_INTERVAL
        }
        self._scanned_at[section.key, folder] = now
        self._log.event(Event.SCAN_STARTED, folder=folder, library=section.title)
        return 0.0

    def _warn(
        self, scene: StashScene, stash_folder: str, folder: str, sections: list[Section]
    ) -> None:
        if folder in self._told:
            return
        self._told.add(folder)
        locations = [location for section in sections for location in section.locations]
        example = locations[0] if locations else "/plex/folder"
        self._log.event(
            Event.FOLDER_NOT_IN_PLEX,
            scene=scene.id,
            label=scene.label,
            folder=folder,
            locations=locations or "none",
            map=f"{example}=>{stash_folder}",
        )


def _joined(location: str, rest: list[str]) -> str:
    separator = "\\" if "\\" in location and "/" not in location else "/"
    return separator.join([location.rstrip("/\\"), *rest]) or separator
