from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from plex.exceptions import PlexError
from plex.items import Section
from plex.listing import locations_containing
from shared.events import Event
from sync_queue.models import Claim
from validation.paths import components, split_path
from validation.scene_extractor import StashScene
from validation.values import counted
from worker.services import Services
from worker.sync.results import Failed, FolderScanned, Result, ScanPostponed
from worker.sync.session import SyncSession

SCAN_INTERVAL = 60.0

Target = tuple[Section, str]


def scan_targets(folder: str, sections: Sequence[Section]) -> list[Target]:
    found: list[Target] = []
    for section, location in locations_containing(folder, sections):
        separator = "\\" if "\\" in location and "/" not in location else "/"
        rest = split_path(folder)[len(components(location)) :]
        name = separator.join([location.rstrip("/\\"), *rest])
        found.append((section, name or separator))
    return found


def folder_of(path: str) -> str:
    separator = "/" if "/" in path else "\\"
    folder = path.rpartition(separator)[0]
    return folder if folder and not folder.endswith(":") else folder + separator


@dataclass
class FolderScans:
    services: Services
    _scanned_at: dict[tuple[int, str], float] = field(default_factory=dict)
    _reported: set[str] = field(default_factory=set)

    def run(self, session: SyncSession, claims: Sequence[Claim]) -> Iterator[Result]:
        if not claims:
            return
        if not session.config.trigger_plex_scan:
            label = counted(len(claims), "new scene")
            yield FolderScanned(claims, label, "trigger_plex_scan is off")
            return
        ids = [claim.job.scene_id for claim in claims if claim.job.scene_id]
        scenes = self.services.scenes.read(ids)
        sections = session.library.sections()
        for claim in claims:
            scene = scenes.get(claim.job.scene_id or 0)
            if scene is None:
                yield FolderScanned([claim], claim.job.job_key, "deleted in Stash")
            elif not scene.files:
                yield FolderScanned([claim], scene.label, "it has no file yet")
            else:
                yield self._scan(session, sections, claim, scene)

    def _scan(
        self, session: SyncSession, sections: list[Section], claim: Claim, scene: StashScene
    ) -> Result:
        targets: dict[tuple[int, str], Target] = {}
        for file in scene.files:
            folder = folder_of(session.matcher.to_plex(file.path))
            found = scan_targets(folder, sections)
            targets |= {(section.key, name): (section, name) for section, name in found}
            if not found:
                self._warn(scene, folder_of(file.path), folder, sections)
        if not targets:
            return FolderScanned([claim], scene.label, "no library in Plex contains its folder")
        try:
            waits = [self._scan_once(session, *target, claim) for target in targets.values()]
        except PlexError as error:
            return Failed([claim], scene.label, error)
        if any(waits):
            return ScanPostponed([claim], scene.label, max(waits))
        return FolderScanned([claim], scene.label, "scanned", by_plex=True)

    def _scan_once(
        self, session: SyncSession, section: Section, folder: str, claim: Claim
    ) -> float:
        now = self.services.clock()
        last = self._scanned_at.get((section.key, folder))
        if last is not None and 0 <= now - last < SCAN_INTERVAL:
            return 0.0 if claim.job.enqueued_at <= last else last + SCAN_INTERVAL
        session.client.scan_folder(section.key, folder)
        self._scanned_at = {
            key: at for key, at in self._scanned_at.items() if 0 <= now - at < SCAN_INTERVAL
        }
        self._scanned_at[section.key, folder] = now
        self.services.log.event(Event.SCAN_STARTED, folder=folder, library=section.title)
        return 0.0

    def _warn(
        self, scene: StashScene, stash_folder: str, folder: str, sections: list[Section]
    ) -> None:
        if folder in self._reported:
            return
        self._reported.add(folder)
        locations = [location for section in sections for location in section.locations]
        self.services.log.event(
            Event.FOLDER_NOT_IN_PLEX,
            scene=scene.id,
            label=scene.label,
            folder=folder,
            locations=locations or "none",
            map=f"{next(iter(locations), '/plex/folder')}=>{stash_folder}",
        )
