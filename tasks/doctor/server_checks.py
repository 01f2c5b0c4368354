import os
import re
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from plex.client import PlexClient
from plex.connection import device_headers
from plex.exceptions import (
    PlexAuthError,
    PlexRedirectError,
    PlexServerDown,
    PlexTlsError,
    PlexTokenExpired,
)
from plex.health import PlexHealth, check_plex_health
from plex.library_choice import choose_libraries
from plex.path_index import IndexCheckup
from plex.server_facts import UNKNOWN
from shared.clock import seconds_ahead
from shared.data_folder import DataFolder
from shared.events import unreported
from shared.redaction import Secrets
from stash import queries
from stash.connection import StashConnection, parse_address
from stash.exceptions import StashAuthError, StashError
from stash.scenes import StashScenes
from stash.settings import StashSettings
from sync_queue.checkup import DatabaseCheckup
from tasks.doctor.finding import Check, Finding, fault, ok, unchecked, warning
from validation.config import Config, ParsedConfig, parse_config
from validation.values import counted
from worker.outage_history import format_elapsed_since

_REJECTED_VALUE: list[str] = []
_LOCALHOST = "If Stash runs in a container, localhost means that container"
_SETTINGS = "Correct these settings in Settings > Plugins > Stash2Plex"
_NO_PLEX = unchecked("Plex does not answer")


@dataclass(slots=True)
class StashCheckup:
    error: StashError | None = None
    latency: float = 0.0
    version: str = ""
    ahead: float | None = None
    settings: Mapping[str, Any] | None = None
    scenes: int | None = None


def examine_servers(
    server_connection: Mapping[str, Any],
    folder: DataFolder,
    database: DatabaseCheckup,
    index: IndexCheckup,
    secrets: Secrets,
) -> tuple[Mapping[str, Check], list[str]]:
    address = parse_address(server_connection)
    connection = StashConnection(address, secrets.add)
    stash = _ask_stash(connection)
    connection.close()
    stored: dict[str, Any] = dict(stash.settings or {})
    if server_connection.get("PlexUrl"):
        stored["plex_url"] = server_connection["PlexUrl"]
    parsed = parse_config(stored, os.environ)
    config = parsed.config
    secrets.add(config.plex_token)
    plex = None if parsed.faults else _ask_plex(config, folder)
    known = None if stash.settings is None else parsed
    now = time.time()
    killed = os.path.exists(folder.write_test)
    checks: dict[str, Check] = {
        "Stash": lambda: check_stash(stash, address.base_url),
        "settings": lambda: check_settings(known),
        "Plex": lambda: check_plex(plex, config.plex_url),
        "encryption": lambda: check_tls(config, plex),
        "token": lambda: check_token(config, plex),
        "libraries": lambda: check_libraries(config, plex),
        "synced scenes": lambda: check_coverage(index, database, stash.scenes, now),
        "edits in Plex": lambda: check_behaviour(plex, index, test_killed=killed),
        "clock": lambda: check_clock(stash, plex),
    }
    hosts = (urlsplit(url).hostname for url in (address.base_url, config.plex_url))
    return checks, [host for host in hosts if host]


def _ask_stash(connection: StashConnection) -> StashCheckup:
    begun, seen = time.monotonic(), StashCheckup()
    try:
        found = connection.query(queries.VERSION).get("version")
        seen.latency = time.monotonic() - begun
        seen.version = str(found.get("version") or "") if isinstance(found, dict) else ""
        seen.ahead = seconds_ahead(connection.date, time.time())
        seen.settings = StashSettings(connection).read()
        seen.scenes = StashScenes(connection).count()
    except StashError as error:
        seen.error = error
    return seen


def _ask_plex(config: Config, folder: DataFolder) -> PlexHealth:
    try:
        device = device_headers(folder.device_id, unreported, time.time())
    except OSError:
        device = {}
    server = (config.plex_url, config.plex_token)
    timeouts = (config.connect_timeout, config.read_timeout)
    client = PlexClient(*server, timeouts, config.plex_verify_tls, device)
    with closing(client):
        return check_plex_health(client, with_rights=True)


def check_stash(seen: StashCheckup, address: str) -> Finding:
    if isinstance(seen.error, StashAuthError):
        remedy = "Run this in Stash, or set STASH_API_KEY to the key in its Settings > Security"
        return fault(f"{address} rejects the log-in", remedy)
    if seen.error is not None:
        remedy = "Start Stash. If you run this in a shell, give Stash's address with --stash"
        return fault(str(seen.error), remedy)
    return _check_version(seen.version, seen.latency, address, "Stash", (0, 26))


def _check_version(
    version: str, latency: float, address: str, server: str, oldest: tuple[int, int]
) -> Finding:
    text = f"{version or 'of an unknown version'} answers in {latency * 1000:.0f} ms"
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < oldest:
        return warning(f"{text}; {oldest[0]}.{oldest[1]} or newer is needed", f"Update {server}")
    return ok(f"{text}, {address}")


def check_settings(parsed: ParsedConfig | None) -> Finding:
    if parsed is None:
        return unchecked("Stash does not answer")
    problems = "; ".join(map(_without_value, parsed.faults + parsed.warnings))
    if problems:
        return (fault if parsed.faults else warning)(problems, _SETTINGS)
    if not parsed.config.enabled:
        return warning("Enabled is off: nothing is sent to Plex", "Switch Enabled on to sync again")
    return ok("all valid")


def _without_value(sentence: str) -> str:
    name = sentence.partition(" ")[0]
    if sentence.startswith(f"{name} is not set:"):
        return f"{name} is not set"
    neutral = parse_config({name: _REJECTED_VALUE}, {})
    messages = (text for text in neutral.faults + neutral.warnings if text.startswith(f"{name} "))
    text = next(messages, f"{name} cannot be used").replace(f" is {_REJECTED_VALUE}, which", "", 1)
    return f"the value of {text}"


def check_plex(seen: PlexHealth | None, address: str) -> Finding:
    if seen is None:
        return unchecked("the settings have no usable address and token")
    if isinstance(seen.error, PlexTlsError):
        return unchecked("the encrypted connection fails")
    if not seen.reachable:
        remedy = "Correct plex_url, or find out why Plex is slow"
        if isinstance(seen.error, PlexServerDown):
            remedy = f"Start Plex, or correct plex_url. {_LOCALHOST}"
        elif isinstance(seen.error, PlexRedirectError):
            remedy = "Set plex_url to the address of the redirect"
        return fault(f"{seen.error} ({address})", remedy)
    return _check_version(seen.version, seen.latency, address, "Plex", (1, 40))


def check_tls(config: Config, seen: PlexHealth | None) -> Finding:
    if seen is None:
        return unchecked("the settings have no usable address of Plex")
    if isinstance(seen.error, PlexTlsError):
        if not seen.error.address:
            remedy = seen.error.remedy
            return fault(seen.error.problem, remedy[:1].upper() + remedy[1:])
        # The host name in Plex's certificate is private, and users share this report.
        return fault(
            "Plex's certificate is for an address of plex.direct, and plex_url has another address",
            "Set plex_url to the address that 'Health Check' names",
        )
    if not config.plex_url.startswith("https"):
        return ok("not used, because plex_url is an http address, which is usual at home")
    if config.plex_verify_tls is False:
        text = "plex_verify_tls is off: another computer can pose as Plex"
        return warning(text, "Set plex_verify_tls to the file of Plex's certificate")
    return ok("Plex's certificate is trusted") if seen.reachable else _NO_PLEX


def check_token(config: Config, seen: PlexHealth | None) -> Finding:
    # Usually only an owner's token can read Plex's preferences, so a successful request suggests
    # that the token belongs to the owner.
    if seen is None or not seen.reachable:
        return _NO_PLEX
    if isinstance(seen.error, PlexAuthError):
        text = "Plex refuses the token (401)"
        if isinstance(seen.error, PlexTokenExpired):
            text = "Plex says that the token has expired (498)"
        return fault(text, "Set plex_token again: https://support.plex.tv/articles/204059436")
    if seen.may_edit is None:
        return unchecked(str(seen.error))
    if not seen.may_edit:
        text = "Plex accepts the token, but it is a guest's token, which cannot edit items"
        return fault(text, "Set plex_token to the token of the server's owner")
    text = "Plex accepts the token, which has the rights of the owner"
    if not config.token_expires:
        return ok(text)
    remedy = (
        "Replace it with a permanent token: see 'The token is wrong' in docs/troubleshooting.md"
    )
    return warning(f"{text}, but the token expires after 7 days", remedy)


def check_libraries(config: Config, seen: PlexHealth | None) -> Finding:
    if seen is None or not seen.reachable:
        return _NO_PLEX
    if seen.sections is None:
        return unchecked("Plex did not list the libraries")
    if not seen.sections:
        remedy = "Add one in Plex, of the type Other Videos or Movies"
        return fault("Plex has no video library", remedy)
    choice = choose_libraries(config.plex_library, seen.sections)
    problem = "has no library" if choice.unknown else "has several libraries"
    wrong = choice.unknown or choice.ambiguous
    if wrong:
        at = ", ".join(str(entry.position) for entry in wrong)
        text = f"Plex {problem} with the name in plex_library (entry {at} of {len(choice.entries)})"
        remedy = "Set plex_library to a library that the task 'Health Check' lists"
        return fault(text, remedy)
    return ok(f"{len(choice.sections)} of {len(seen.sections)} video libraries in use")


def check_coverage(
    index: IndexCheckup, database: DatabaseCheckup, scenes: int | None, now: float
) -> Finding:
    if index.problem or database.damage or database.refusal:
        return unchecked("the list of files or the queue database cannot be read")
    done, found = database.synced_scenes, index.found_scenes
    of = counted(done, "scene") if scenes is None else f"{done:,} of {counted(scenes, 'scene')}"
    synced = f"{of} synced so far"
    if not index.files:
        text = f"{synced}. The plugin has not listed Plex's files yet"
        return warning(text, "Run 'Check Path Mapping'")
    looked = format_elapsed_since(index.looked_at, now)
    known = f"{synced}. Plex has {counted(index.files, 'file')} (listed {looked})"
    if not done and 2 * found > (scenes or 0):
        text = f"{known}, which match {counted(found, 'scene')}"
        return warning(text, "Run 'Sync All Scenes to Plex'")
    if not done and scenes != 0:
        remedy = "Run 'Check Path Mapping' to match them and to get a path map"
        return warning(known, remedy)
    if scenes is not None and done >= scenes:
        return ok(known)
    return ok(f"{known}. 'Check Path Mapping' shows which scenes Plex does not have")


def check_behaviour(seen: PlexHealth | None, index: IndexCheckup, *, test_killed: bool) -> Finding:
    if test_killed:
        remedy = "Edit any scene in Stash: before the next sync, the plugin restores the item"
        return warning("an interrupted test has left an item changed", remedy)
    if seen is None or not seen.reachable:
        return _NO_PLEX
    known = index.behaviours.get((seen.server_id, seen.version), UNKNOWN)
    text = ". ".join(known.sentences()) or "not known before the first syncs"
    rest = "" if known.tested_at else ". For a full test, run the command 'test-write'"
    return ok(f"{text}{rest}")


def check_clock(stash: StashCheckup, plex: PlexHealth | None) -> Finding:
    clocks = {"Stash": stash.ahead, "Plex": plex.ahead if plex else None}
    known = {server: ahead for server, ahead in clocks.items() if ahead is not None}
    if not known:
        return unchecked("neither Stash nor Plex sent the time")
    wrong = ", ".join(
        f"{server}'s clock is {abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} "
        "the plugin's clock"
        for server, ahead in known.items()
        if abs(ahead) > 60.0
    )
    remedy = "Synchronize the clocks of all machines (NTP). A wrong clock shifts the retries"
    return warning(wrong, remedy) if wrong else ok(f"agrees with {' and '.join(known)}")
