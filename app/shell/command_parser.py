"""The command line's grammar, and the help that teaches it."""

import argparse
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

DEFAULT_STASH = "http://localhost:9999"
_TASK_ARGUMENTS = ("scene_id", "error_type", "force", "dry_run")
_PORTS = {"http": 80, "https": 443}

_DESCRIPTION = """\
Carries metadata edits from Stash to Plex. Stash runs this program by itself; from a shell, cron or
systemd it does the same as the tasks on Stash's page."""

_EPILOG = """\
examples:
  python3 Stash2Plex.py doctor
      what is wrong, and what to do; the output can be shared
  python3 Stash2Plex.py inspect 1234
      why is scene 1234 not in Plex?
  python3 Stash2Plex.py reconcile --dry-run --stash http://192.168.1.10:9999
      what differs between the two libraries; queues nothing
  in a crontab, with the key on a line of its own, for command lines can be read by others:
      STASH_API_KEY=...
      15 4 * * *  python3 /plugins/Stash2Plex/Stash2Plex.py reconcile --recent

environment variables:
  STASH_URL          Stash's address, unless --stash is given
  STASH_API_KEY      Stash's API key, if Stash asks for a log-in. Never an argument: other users
                     of this machine can read command lines
  PLEX_URL, PLEX_TOKEN
                     used where the plugin's settings in Stash name none
  STASH_PLUGIN_DATA  the data folder, where it is not `data` beside this program

exit codes:
  0    done, all is well
  1    answered, and something is wrong (with --strict a warning is enough)
  2    this command line cannot be understood
  3    could not be done; stderr says why and what to do
  130  stopped by Ctrl-C; what was queued stays queued

"<command> --help" tells what a command takes."""


def make_parser(version: str, environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser; what it returns has the task's `mode` and arguments among its names."""
    parser = argparse.ArgumentParser(
        prog="Stash2Plex.py",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=_Layout,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"Stash2Plex {version}")
    commands = _Commands(parser, _common(environ))
    commands.add("status", "queue_status", "what waits, what failed, how the last runs went")
    commands.add("process", "process_queue", "send what is due to Plex now, to its end")
    _add_reconcile(commands)
    _add_sync(commands)
    commands.add("doctor", "doctor", "check everything, with a remedy for whatever is wrong")
    inspect = commands.add("inspect", "inspect", "why a scene is, or is not, in Plex as in Stash")
    inspect.add_argument("scene_id", metavar="ID", type=_scene_id, help="the scene's number")
    test = commands.add("test-write", "test_write", "how Plex takes edits, tried with one item")
    test.add_argument("scene_id", metavar="ID", type=_scene_id, help="the scene's number")
    commands.add("dead-letters", "show_dlq", "what failed for good, by reason, and what to do")
    retry = commands.add("retry-dlq", "retry_dlq", "queue dead letters again")
    retry.add_argument("--error-type", metavar="TYPE", help="only those, for instance PlexNotFound")
    retry.add_argument(
        "--scene", metavar="ID", type=_scene_id, dest="scene_id", help="only that scene's"
    )
    commands.add("outages", "outage_summary", "when Plex was away, how often, how long")
    commands.add("health", "health_check", "whether Plex answers and has the libraries")
    commands.add("check-paths", "check_paths", "how many scenes Plex has, and the path map to set")
    return parser


class _Layout(argparse.RawDescriptionHelpFormatter):
    """The same in every terminal, and in a pager."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=100)

    def format_help(self) -> str:
        # argparse forgets that sub-commands are indented, and breaks the line after the longest.
        self._action_max_length += 2
        return super().format_help()


class _Commands:
    """The commands, each with the options that all have."""

    def __init__(self, parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
        self._common = common
        self._added = parser.add_subparsers(
            title="commands", metavar="<command>", dest="command", required=True
        )

    def add(self, name: str, mode: str, purpose: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = self._added.add_parser(
            name,
            help=purpose,
            description=f"{purpose[0].upper()}{purpose[1:]}.",
            parents=[self._common],
            formatter_class=_Layout,
            allow_abbrev=False,
        )
        added.set_defaults(mode=mode)
        return added


def _add_reconcile(commands: _Commands) -> None:
    reconcile = commands.add(
        "reconcile", "reconcile_all", "compare both libraries and queue what differs"
    )
    scope = reconcile.add_mutually_exclusive_group()
    for option, mode, purpose in (
        ("--recent", "reconcile_recent", "only the scenes created in the last 24 hours"),
        ("--7days", "reconcile_7days", "only the scenes created in the last 7 days"),
        ("--missing-metadata", "reconcile_missing_metadata", "only items without any metadata"),
    ):
        scope.add_argument(option, action="store_const", const=mode, dest="mode", help=purpose)
    reconcile.add_argument("--dry-run", action="store_true", help="write a report, queue nothing")


def _add_sync(commands: _Commands) -> None:
    sync = commands.add("sync", "all", "queue every scene that is not in Plex as it is in Stash")
    which = sync.add_mutually_exclusive_group()
    which.add_argument(
        "--recent",
        action="store_const",
        const="recent",
        dest="mode",
        help="only the scenes updated in the last 24 hours",
    )
    which.add_argument("--force", action="store_true", help="also those that are in step")


def _common(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--stash",
        metavar="URL",
        type=_stash,
        default=environ.get("STASH_URL") or DEFAULT_STASH,
        help=f"Stash's address (default: STASH_URL, or {DEFAULT_STASH})",
    )
    common.add_argument(
        "--plex", metavar="URL", type=_plex, help="Plex's address, instead of the setting"
    )
    common.add_argument("--json", action="store_true", help="answer as JSON on stdout")
    common.add_argument("--strict", action="store_true", help="exit with 1 for a warning, too")
    return common


def task_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the task gets, as Stash would pass it on."""
    given = {name: getattr(options, name, None) for name in _TASK_ARGUMENTS}
    arguments = {name: value for name, value in given.items() if value}
    return {"mode": options.mode, **arguments, **({"format": "json"} if options.json else {})}


def _stash(text: str) -> dict[str, Any]:
    """Return the address as the beginning of a `server_connection`."""
    parts = _split(text, "http://localhost:9999")
    if parts.path.strip("/") or parts.query:
        raise argparse.ArgumentTypeError(
            "Stash's address ends with its port; a path behind it is not supported"
        )
    return {
        "Scheme": parts.scheme,
        "Host": parts.hostname,
        "Port": parts.port or _PORTS[parts.scheme],
    }


def _plex(text: str) -> str:
    return _split(text, "http://192.168.1.10:32400").geturl().rstrip("/")


def _split(text: str, example: str) -> SplitResult:
    """Take an address apart; one with a password in it is refused without repeating it."""
    wanted = f"an address such as {example} is wanted"
    if "@" in text:
        raise argparse.ArgumentTypeError(f"{wanted}, without user and password")
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise argparse.ArgumentTypeError(f"{wanted}, not {text!r:.100}")
    return parts


def _scene_id(text: str) -> str:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"the number of a scene is wanted, not {text!r:.100}")
    return text
