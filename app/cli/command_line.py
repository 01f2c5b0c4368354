"""The command line: its grammar and help, and the tasks for a shell, cron and systemd."""

import argparse
import io
import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, TextIO
from urllib.parse import SplitResult, urlsplit

from app.cli.access import current_user, objection, place
from app.processes.installation import installed_version
from app.processes.task_process import redacted, run_task
from shared.events import Event
from shared.log import DEBUG, ERROR, PROGRESS, TRACE, WARNING, Log, one_line
from shared.redaction import Secrets
from tasks.answer import Answer, Level, TaskError
from tasks.doctor import MODE as DOCTOR

DEFAULT_STASH = "http://localhost:9999"
_TASK_ARGUMENTS = ("scene_id", "error_type", "force", "dry_run", "server")
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
_PREFIXES = {WARNING: "warning: ", ERROR: "error: "}
DONE, SOMETHING_WRONG, NOT_DONE, INTERRUPTED = 0, 1, 3, 130  # argparse itself ends with 2
API_KEY = "STASH_API_KEY"


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
    login = commands.add("login", "sign_in", "sign in with Plex, and store its address and token")
    login.add_argument("--server", metavar="NAME", help="the server, if the account has several")
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


class Terminal:
    """Writes to two streams, and nothing that breaks a terminal or tells a secret.

    Args:
        out: takes the answers.
        err: takes log lines; and, when a person is watching, the progress in percent.
        secrets: are redacted from the answers; the log redacts its own lines.
    """

    def __init__(self, out: TextIO, err: TextIO, secrets: Secrets) -> None:
        self._out = out
        self._err = err
        self._secrets = secrets
        self._watched = err.isatty()
        self._percent = ""

    def sink(self, level: str, text: str, _code: str, _fields: Mapping[str, object]) -> None:
        """Write one record of a log (see `shared.log.Log`)."""
        if level == PROGRESS:
            self._show(f"{float(text) * 100:3.0f} %")
        elif level not in (TRACE, DEBUG):
            self._show("")
            self._err.write(f"{_PREFIXES.get(level, '')}{text}\n")
            self._err.flush()

    def _show(self, percent: str) -> None:
        """Show the progress in a line that the next one takes the place of."""
        if not self._watched or percent == self._percent:
            return
        self._err.write(f"\r{percent}" if percent else "\r      \r")
        self._err.flush()
        self._percent = percent

    def answer(self, answer: Answer) -> None:
        """Print an answer for people, its details first."""
        self._show("")
        for line in (*answer.details, answer.text):
            self._out.write(one_line(self._secrets.redact(line)) + "\n")
        self._out.flush()

    def answer_as_json(self, answer: dict[str, Any]) -> None:
        """Print an answer for programs."""
        self._show("")
        self._out.write(json.dumps(self._redacted(answer), indent=2) + "\n")
        self._out.flush()

    def _redacted(self, value: Any) -> Any:
        """Redact the texts themselves: JSON writes odd characters of a secret in another way."""
        if isinstance(value, str):
            return self._secrets.redact(value)
        if isinstance(value, Mapping):
            return {key: self._redacted(one) for key, one in value.items()}
        if isinstance(value, Sequence):
            return [self._redacted(one) for one in value]
        return value


def run_command(script: str, arguments: Sequence[str]) -> int:
    """Run one command and return the exit code.

    Args:
        arguments: what stands behind it; nothing gets the help.

    Raises:
        SystemExit: the help was shown, or the arguments cannot be understood.
    """
    _forgive_encodings()
    parser = make_parser(installed_version(script), os.environ)
    if not arguments:
        parser.print_help()
        return DONE
    options = parser.parse_args(arguments)
    secrets = Secrets()
    terminal = Terminal(sys.stdout, sys.stderr, secrets)
    log = Log(terminal.sink, secrets)
    connection = _connection(options.stash, options.plex, secrets)
    try:
        _look_around(os.path.dirname(script), log, for_doctor=options.mode == DOCTOR)
        arguments_of_task = task_arguments(options)
        answer = run_task(script, connection, arguments_of_task, log, secrets, in_stash=False)
    except TaskError as error:
        log.error(str(error))
        if options.json:
            terminal.answer_as_json({"error": log.redact(str(error))})
        return NOT_DONE
    except KeyboardInterrupt:
        log.error("Stopped; what was queued stays queued")
        return INTERRUPTED
    except (ImportError, SyntaxError) as error:
        log.event(Event.TASK_INCOMPLETE, problem=f"{type(error).__name__}: {error}")
        return NOT_DONE
    except Exception:  # noqa: BLE001 - the last line of defence of a process
        trace = secrets.redact(traceback.format_exc())
        sys.stderr.write(f"error: A bug of Stash2Plex, please report it:\n{trace}")
        return NOT_DONE
    if options.json:
        terminal.answer_as_json(redacted(answer.as_json(), log))
    else:
        terminal.answer(answer)
    return _exit_code(answer, strict=options.strict)


def _connection(stash: dict[str, Any], plex: str | None, secrets: Secrets) -> dict[str, Any]:
    """Return what Stash itself would have passed on, as far as a shell can know it.

    The key leaves the environment here: a worker that is started gets it through a pipe.
    """
    key = os.environ.pop(API_KEY, "").strip()
    secrets.add(key)
    return stash | ({"ApiKey": key} if key else {}) | ({"PlexUrl": plex} if plex else {})


def _look_around(plugin_dir: str, log: Log, *, for_doctor: bool) -> None:
    """See to it that this is the folder of Stash's own runs.

    Raises:
        TaskError: it is somebody else's, or cannot be written to; of one that is there, the Doctor
            tells that himself.
    """
    folder = place(plugin_dir, os.environ)
    exists = os.path.exists(folder)
    if for_doctor and exists:
        return
    problem = objection(plugin_dir, os.environ, current_user())
    if problem:
        raise TaskError(problem)
    if not exists:
        log.warning(
            f"There is no data folder yet: {folder} is made now. If Stash has run the plugin "
            "before, it keeps its data elsewhere: set STASH_PLUGIN_DATA to that folder"
        )


def _exit_code(answer: Answer, *, strict: bool) -> int:
    if answer.level is Level.FAULT or (strict and answer.level is Level.WARNING):
        return SOMETHING_WRONG
    return DONE


def _forgive_encodings() -> None:
    """Let a title that the terminal's encoding lacks be escaped instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
