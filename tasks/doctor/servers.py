"""Checks of Stash, Plex, the settings and the coverage of both libraries."""

import re
from collections.abc import Sequence

from plex.exceptions import (
    PlexAuthError,
    PlexRedirectError,
    PlexServerDown,
    PlexTlsError,
    PlexTokenExpired,
)
from plex.health import PlexCheckup
from plex.index_database import IndexCheckup
from plex.library_choice import choose_libraries
from plex.server_facts import UNKNOWN
from stash.checkup import StashCheckup
from stash.exceptions import StashAuthError
from sync_queue.checkup import DatabaseCheckup
from tasks.doctor.check import Check, fault, ok, unchecked, warning
from validation.config import Config, ParsedConfig, parse_config
from worker.outage_history import format_elapsed_since

OLDEST_STASH = (0, 26)
OLDEST_PLEX = (1, 40)
CLOCKS_DIFFER = 60.0  # seconds
# No setting accepts this value, so the error about it names the allowed values and no user data.
_NOTHING: list[str] = []
_ASKING = "connecting to Plex: "
_SETTINGS = "Correct it in Settings > Plugins > Stash2Plex"


def check_stash(seen: StashCheckup, address: str) -> Check:
    """Check whether Stash answers and accepts the log-in."""
    name = "Stash"
    if isinstance(seen.error, StashAuthError):
        return fault(
            name,
            f"{address} rejects the log-in",
            "Run this from Stash's page; from a shell, set STASH_API_KEY to the key that Stash "
            "shows under Settings > Security",
        )
    if seen.error is not None:
        return fault(
            name, f"{address}: {seen.error}", "Start Stash; from a shell, give its address: --stash"
        )
    text = f"{seen.version or 'of an unknown version'} answers in {seen.latency * 1000:.0f} ms"
    if _is_older(seen.version, OLDEST_STASH):
        return warning(name, f"{text}; 0.26 or newer is needed", "Update Stash")
    return ok(name, f"{text}, {address}")


def check_settings(parsed: ParsedConfig | None) -> Check:
    """Check the settings; the result does not contain their values."""
    name = "settings"
    if parsed is None:
        return unchecked(name, "Stash does not answer")
    if parsed.faults:
        return fault(name, _in_words(parsed.faults + parsed.warnings), _SETTINGS)
    if parsed.warnings:
        return warning(name, _in_words(parsed.warnings), _SETTINGS)
    if not parsed.config.enabled:
        return warning(
            name, "Enabled is off: nothing is sent to Plex", "Switch it on to sync again"
        )
    return ok(name, "all valid")


def _in_words(sentences: Sequence[str]) -> str:
    return "; ".join(_without_value(sentence) for sentence in sentences)


def _without_value(sentence: str) -> str:
    """Return a message about a setting without the value, which can be private."""
    name = sentence.partition(" ")[0]
    if sentence.startswith(f"{name} is not set:"):
        return f"{name} is not set"
    neutral = parse_config({name: _NOTHING}, {})
    about_it = (text for text in neutral.faults + neutral.warnings if text.startswith(f"{name} "))
    return next(about_it, f"{name} cannot be used").replace(f" is {_NOTHING}, which", "", 1)


def check_plex(seen: PlexCheckup | None, address: str) -> Check:
    """Check whether a Plex server answers at the address."""
    name = "Plex"
    if seen is None:
        return unchecked(name, "no usable address and token in the settings")
    if isinstance(seen.error, PlexTlsError):
        return unchecked(name, "the encrypted connection fails")
    if seen.error is not None:
        remedy = "Correct plex_url, or find out why Plex is slow"
        if isinstance(seen.error, PlexServerDown):
            remedy = "Start Plex, or correct plex_url; in a container, localhost is the container"
        elif isinstance(seen.error, PlexRedirectError):
            remedy = "Set plex_url to the address of the redirect"
        return fault(name, f"{address}: {str(seen.error).removeprefix(_ASKING)}", remedy)
    text = f"{seen.version or 'of an unknown version'} answers in {seen.latency * 1000:.0f} ms"
    if _is_older(seen.version, OLDEST_PLEX):
        return warning(name, f"{text}; 1.40 or newer is needed", "Update Plex")
    return ok(name, f"{text}, {address}")


def check_tls(config: Config, seen: PlexCheckup | None) -> Check:
    """Check whether the connection to Plex is encrypted and verified."""
    name = "encryption"
    if seen is None:
        return unchecked(name, "no usable address of Plex in the settings")
    if isinstance(seen.error, PlexTlsError):
        return fault(
            name,
            _of_tls(seen.error),
            "Set plex_url to the address that 'Health Check' names"
            if seen.error.address
            else "Use the http address, or set plex_verify_tls to the file of the certificate or "
            "to off",
        )
    if not config.plex_url.startswith("https"):
        return ok(name, "none: plex_url is an http address, which is usual at home")
    if config.plex_verify_tls is False:
        return warning(
            name,
            "plex_verify_tls is off: another machine can pretend to be Plex",
            "Set plex_verify_tls to the file of Plex's certificate",
        )
    if seen.error is not None:
        return unchecked(name, "Plex does not answer")
    return ok(name, "Plex's certificate is trusted")


def _of_tls(error: PlexTlsError) -> str:
    """Return the cause without its private address, because reports are shared."""
    if error.address:
        return "plex_url does not have the plex.direct name of Plex's certificate"
    return str(error).removeprefix(_ASKING)


def check_token(config: Config, seen: PlexCheckup | None) -> Check:
    """Check whether Plex accepts the token, and whether it is the owner's.

    Reading the server's preferences is a strong sign of the owner; only an edit is a proof.
    """
    name = "token"
    if seen is None or seen.error is not None:
        return unchecked(name, "Plex does not answer")
    if isinstance(seen.refusal, PlexAuthError):
        return fault(
            name,
            "Plex says that it has expired (498)"
            if isinstance(seen.refusal, PlexTokenExpired)
            else "Plex refuses it (401)",
            "Set plex_token anew: https://support.plex.tv/articles/204059436",
        )
    if seen.may_edit is None:
        return unchecked(name, str(seen.refusal))
    if not seen.may_edit:
        return fault(
            name,
            "accepted, but it is a guest's token, which cannot edit",
            "Set plex_token to the token of the server's owner",
        )
    text = "accepted, with the rights of the owner"
    if config.token_expires:
        remedy = "Replace it by a permanent one: docs/troubleshooting.md, 'The token is wrong'"
        return warning(name, f"{text}, but it expires after 7 days", remedy)
    return ok(name, text)


def check_libraries(config: Config, seen: PlexCheckup | None) -> Check:
    """Check whether Plex has the libraries of the settings; the result does not name them."""
    name = "libraries"
    if seen is None or seen.error is not None:
        return unchecked(name, "Plex does not answer")
    if seen.sections is None:
        return unchecked(name, "Plex did not list them")
    if not seen.sections:
        return fault(
            name, "Plex has no video library", "Add one in Plex, of the type Other Videos or Movies"
        )
    choice = choose_libraries(config.plex_library, seen.sections)
    for entries, problem in (
        (choice.unknown, "does not exist in Plex"),
        (choice.ambiguous, "may mean several libraries"),
    ):
        if entries:
            positions = ", ".join(str(entry.position) for entry in entries)
            return fault(
                name,
                f"of the {len(choice.entries)} names in plex_library, number {positions} {problem}",
                "Correct plex_library; 'Health Check' names Plex's libraries",
            )
    return ok(name, f"{len(choice.sections)} of {len(seen.sections)} video libraries in use")


def check_coverage(
    index: IndexCheckup, database: DatabaseCheckup, scenes: int | None, now: float
) -> Check:
    """Return how many files and scenes are known, without listing them again."""
    name = "path coverage"
    if index.problem or database.damage or database.refusal:
        return unchecked(name, "a database cannot be read")
    of_stash = "" if scenes is None else f" of Stash's {scenes:,}"
    synced = f"{database.synced_scenes:,}{of_stash} scenes have been synced"
    if not index.files:
        return warning(name, f"no file of Plex is known yet; {synced}", "Run 'Check Path Mapping'")
    looked = format_elapsed_since(index.looked_at, now)
    known = f"{index.files:,} files in Plex (listed {looked})"
    if not database.synced_scenes and scenes != 0:
        return warning(
            name,
            f"{known}; {synced}",
            "Run 'Check Path Mapping' to match them and to get a path map",
        )
    return ok(name, f"{known}; {synced}. Run 'Check Path Mapping' for the others")


def check_behaviour(seen: PlexCheckup | None, index: IndexCheckup, *, test_killed: bool) -> Check:
    """Return what the plugin has learned about this Plex server."""
    name = "behaviour of Plex"
    if test_killed:
        return warning(
            name,
            "a killed test has left an item changed",
            "Run 'Test Write' again, or sync any scene: both restore the item first",
        )
    if seen is None or seen.error is not None:
        return unchecked(name, "Plex does not answer")
    known = index.behaviours.get((seen.server_id, seen.version), UNKNOWN)
    text = "; ".join(known.sentences()) or "unknown"
    if known.tested_at:
        return ok(name, text)
    return ok(name, f"{text}. Run 'Test Write' with the number of a scene for the rest")


def check_clock(stash: StashCheckup, plex: PlexCheckup | None) -> Check:
    """Compare the clocks of this machine and of both servers."""
    name = "clock"
    clocks = {"Stash": stash.ahead, "Plex": None if plex is None else plex.ahead}
    known = {server: ahead for server, ahead in clocks.items() if ahead is not None}
    if not known:
        return unchecked(name, "neither Stash nor Plex sent the time")
    wrong = [
        f"{server}'s clock is {abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} ours"
        for server, ahead in known.items()
        if abs(ahead) > CLOCKS_DIFFER
    ]
    if wrong:
        return warning(
            name,
            ", ".join(wrong),
            "Synchronize the clocks of all machines (NTP): retries and outages depend on them",
        )
    return ok(name, f"agrees with {' and '.join(known)}")


def _is_older(version: str, oldest: tuple[int, int]) -> bool:
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) < oldest
