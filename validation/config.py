import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from validation.metadata import SyncSettings
from validation.path_map import PathMap, parse_path_map
from validation.quiet_hours import parse_quiet_hours
from validation.values import (
    FALSE,
    TRUE,
    Parser,
    ValueProblem,
    boolean,
    choice,
    declare_setting,
    in_brief,
    is_empty,
    number,
)

_SHORTEST_TOKEN = 10
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|(?=.*:)[0-9a-f:.]+(%[a-z0-9]+)?", re.IGNORECASE)
_PATH_OF_WEB_APP = re.compile(r"/web(/.*)?$")
SHORT_LIVED = (
    "plex_token expires after 7 days, and then no edit reaches Plex. Replace the token with a "
    "permanent one (see 'The token is wrong' in docs/troubleshooting.md)"
)
_LIKE_A_TOKEN = re.compile(r"[\w-]{10,}")
LEGACY_NAMES = {
    "connect_timeout": "plex_connect_timeout",
    "read_timeout": "plex_read_timeout",
    "plex_unmatched_path_map": "path_map",
}
ENVIRONMENT = {"plex_url": "PLEX_URL", "plex_token": "PLEX_TOKEN"}


def _libraries(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueProblem("names or numbers of libraries, separated by commas")
    return value if value.strip(" ,") else ""


def _url(value: Any) -> str:
    text = value.strip().rstrip("/") if isinstance(value, str) else ""
    if not text.isprintable():
        text = ""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.port != 0
        usable = usable and _HOST.fullmatch(parts.hostname or "") is not None
    except ValueError:
        usable = False
    if not usable:
        raise ValueProblem("an address such as http://192.168.1.10:32400")
    return f"{parts.scheme}://{parts.netloc}{_PATH_OF_WEB_APP.sub('', parts.path)}".rstrip("/")


def _token(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if len(text) < _SHORTEST_TOKEN or not text.isascii() or not text.isprintable():
        raise ValueProblem(f"a token of at least {_SHORTEST_TOKEN} letters and digits")
    return text


def _tls(value: Any) -> bool | str:
    if isinstance(value, str) and value.strip().lower() not in TRUE | FALSE:
        return value.strip()
    try:
        return boolean(value)
    except ValueProblem as problem:
        raise ValueProblem(f"{problem}, or the file of a certificate") from None


@dataclass(frozen=True, slots=True)
class Config(SyncSettings):
    plex_url: str = declare_setting(_url, "")
    plex_token: str = declare_setting(_token, "", secret=True)
    plex_library: str = declare_setting(_libraries, "")
    enabled: bool = declare_setting(boolean, True)
    max_retries: int = declare_setting(number(1, 20, int), 5)
    poll_interval: float = declare_setting(number(0.1, 60), 30.0)
    max_scenes_per_minute: int = declare_setting(number(0, 10_000, int), 0)
    quiet_hours: str = declare_setting(parse_quiet_hours, "")
    slow_down: bool = declare_setting(boolean, False)
    strict_matching: bool = declare_setting(boolean, True)
    preserve_plex_edits: bool = declare_setting(boolean, False)
    connect_timeout: float = declare_setting(number(1, 30), 5.0)
    read_timeout: float = declare_setting(number(5, 120), 30.0)
    remove_overlay_label: bool = declare_setting(boolean, False)
    trigger_plex_scan: bool = declare_setting(boolean, False)
    skip_not_found: bool = declare_setting(boolean, False)
    debug_logging: bool = declare_setting(boolean, False)
    obfuscate_paths: bool = declare_setting(boolean, False)
    reconcile_interval: str = declare_setting(choice("never", "hourly", "daily", "weekly"), "never")
    reconcile_scope: str = declare_setting(choice("all", "24h", "7days"), "24h")
    reconcile_missing: bool = declare_setting(boolean, True)
    plex_unmatched_path_map: PathMap = declare_setting(parse_path_map, PathMap())
    plex_verify_tls: bool | str = declare_setting(_tls, True)
    dlq_retention_days: int = declare_setting(number(1, 365, int), 30)
    reconcile_batch_size: int = declare_setting(number(10, 1000, int), 100)

    @property
    def token_expires(self) -> bool:
        # A token that begins with "eyJ" is a JSON Web Token, which Plex accepts for only 7 days.
        return self.plex_token.startswith("eyJ")


_PARSERS: Mapping[str, Parser] = {
    setting.name: setting.metadata["parse"] for setting in fields(Config)
}


@dataclass(frozen=True, slots=True)
class ParsedConfig:
    config: Config
    warnings: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def parse_config(settings: Any, environ: Mapping[str, str]) -> ParsedConfig:
    """Parse the plugin's settings in Stash. No warning or fault contains the Plex token."""
    stored = settings if isinstance(settings, Mapping) else {}
    values: dict[str, Any] = {}
    warnings: list[str] = []
    faults: list[str] = []
    for setting in fields(Config):
        name, required = setting.name, setting.name in ENVIRONMENT
        given = _given(stored, environ, name)
        problem = refusal(name, given)
        if given is None:
            if required:
                faults.append(f"{name} is not set: enter it in Settings > Plugins > Stash2Plex")
        elif not problem:
            values[name] = _PARSERS[name](given)
        elif required:
            faults.append(problem)
        else:
            warnings.append(f"{problem}. Its default ({_in_words(setting.default)}) is used")
    known = {*_PARSERS, *LEGACY_NAMES.values()}
    unknown = tuple(in_brief(key) for key in stored if key not in known)
    return ParsedConfig(Config(**values), tuple(warnings), tuple(faults), unknown)


def refusal(name: str, given: Any) -> str:
    if is_empty(given):
        return ""
    try:
        _PARSERS[name](given)
    except ValueProblem as error:
        return f"{name}{_shown(name, given)} cannot be used; allowed: {error}"
    return ""


def refused_settings(settings: Mapping[str, Any], in_force: Config) -> dict[str, str]:
    refused = {}
    for name, value in settings.items():
        is_required = name in ENVIRONMENT
        problem = f"{name} is required" if is_required and is_empty(value) else refusal(name, value)
        if problem:
            current = getattr(in_force, name)
            stays = f"the current value ({_in_words(current)}) stays"
            if is_required:
                stays = "the stored value stays" if current else "no value was stored"
            refused[name] = f"{problem}; {stays}"
    return refused


def _shown(name: str, given: Any) -> str:
    text = str(given).strip() if name == "plex_url" else ""
    if name == "plex_token" or _LIKE_A_TOKEN.fullmatch(text) or "@" in text or "?" in text:
        return ""
    return f" is {in_brief(given)}, which"


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return (f"{value:g}" if isinstance(value, float) else str(value)) or "empty"


def _given(stored: Mapping[str, Any], environ: Mapping[str, str], name: str) -> Any:
    # If a user emptied the setting, do not fall back to the value under its old name.
    value = stored.get(name)
    if value is None:
        value = stored.get(LEGACY_NAMES.get(name, name))
    if is_empty(value):
        value = environ.get(ENVIRONMENT.get(name, ""))
    return None if is_empty(value) else value
