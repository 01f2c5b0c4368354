import argparse
import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TextIO
from urllib.parse import SplitResult, urlsplit

from app.processes.installation import installed_version
from app.processes.task_process import redacted, run_task
from shared.data_folder import OVERRIDE_VARIABLE, preferred_folder
from shared.log import DEBUG, ERROR, PROGRESS, WARNING, Log, one_line
from tasks.answer import Answer, Level, TaskError
from tasks.doctor import MODE as DOCTOR

if sys.platform != "win32":
    import pwd

DEFAULT_STASH = "http://localhost:9999"
_TASK_ARGUMENTS = ("scene_id", "error_type", "force", "dry_run", "server")
_PORTS = {"http": 80, "https": 443}
_DESCRIPTION = """\
Carries metadata edits from Stash to Plex. Stash runs this program automatically. From a shell, cron
or systemd it runs the same tasks as Stash's page."""
_EPILOG = """\
examples:
  python3 Stash2Plex.py doctor
      checks everything, with a remedy for each problem; the output can be shared
  python3 Stash2Plex.py inspect 1234
      why is scene 1234 not in Plex?
  python3 Stash2Plex.py reconcile --dry-run --stash http://192.168.1.10:9999
      shows the differences between both libraries; queues nothing
  in a crontab, with the key in its own line, because other users can read command lines:
      STASH_API_KEY=...
      15 4 * * *  python3 /plugins/Stash2Plex/Stash2Plex.py reconcile --recent

environment variables:
  STASH_URL          Stash's address, unless --stash is given
  STASH_API_KEY      Stash's API key, if Stash requires a log-in. It is no argument, because other
                     users can read command lines
  PLEX_URL, PLEX_TOKEN
                     used if the plugin's settings in Stash have no value
  STASH_PLUGIN_DATA  the data folder, if it is not `data` beside this program

exit codes:
  0    done, without a problem
  1    done, and the answer reports a problem (with --strict also a warning)
  2    wrong arguments
  3    failed; stderr has the cause and the remedy
  130  stopped by Ctrl-C; queued jobs stay queued

"<command> --help" shows the options of a command."""
_ELSEWHERE = (
    f"set {OVERRIDE_VARIABLE} to the data folder that Stash uses (Stash2Plex-data beside Stash's "
    "configuration, if Stash cannot write to its plugins folder)"
)
_COMMANDS = (
    ("login", "sign_in", "sign in with Plex, and store its address and token"),
    ("status", "queue_status", "the queue, the dead letters and the last runs"),
    ("process", "process_queue", "send the due jobs to Plex now"),
    ("reconcile", "reconcile_all", "compare both libraries and queue what differs"),
    ("sync", "all", "queue the scenes that differ from Plex"),
    ("doctor", "doctor", "check everything, with a remedy for each problem"),
    ("inspect", "inspect", "why a scene is in Plex, or is not"),
    ("test-write", "test_write", "try with one item how Plex handles edits"),
    ("dead-letters", "show_dlq", "the dead letters by reason, with the remedies"),
    ("retry-dlq", "retry_dlq", "queue dead letters again"),
    ("outages", "outage_summary", "the outages of Plex, with their durations"),
    ("health", "health_check", "whether Plex answers and has the libraries"),
    ("check-paths", "check_paths", "the share of scenes in Plex, and a path map"),
)
_NARROWER_MODES = {
    "reconcile": (
        ("--recent", "reconcile_recent", "only the scenes created in the last 24 hours"),
        ("--7days", "reconcile_7days", "only the scenes created in the last 7 days"),
        ("--missing-metadata", "reconcile_missing_metadata", "only items without metadata"),
    ),
    "sync": (("--recent", "recent", "only the scenes updated in the last 24 hours"),),
}
_PREFIXES = {WARNING: "warning: ", ERROR: "error: "}
DONE, SOMETHING_WRONG, NOT_DONE, INTERRUPTED = 0, 1, 3, 130


class _Layout(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=100)

    def format_help(self) -> str:
        self._action_max_length += 2
        return super().format_help()


def make_parser(version: str, environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="Stash2Plex.py",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=_Layout,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"Stash2Plex {version}")
    added = parser.add_subparsers(
        title="commands", metavar="<command>", dest="command", required=True
    )
    common, commands = _common_options(environ), {}
    for name, mode, purpose in _COMMANDS:
        commands[name] = added.add_parser(
            name,
            help=purpose,
            description=f"{purpose[0].upper()}{purpose[1:]}.",
            parents=[common],
            formatter_class=_Layout,
            allow_abbrev=False,
        )
        commands[name].set_defaults(mode=mode)
    _add_options(commands)
    return parser


def _add_options(commands: Mapping[str, argparse.ArgumentParser]) -> None:
    commands["login"].add_argument(
        "--server", metavar="NAME", help="the server, if the account has several"
    )
    scopes = {name: commands[name].add_mutually_exclusive_group() for name in _NARROWER_MODES}
    for name, modes in _NARROWER_MODES.items():
        for option, mode, purpose in modes:
            scopes[name].add_argument(
                option, action="store_const", const=mode, dest="mode", help=purpose
            )
    scopes["sync"].add_argument(
        "--force", action="store_true", help="also the scenes that are up to date"
    )
    commands["reconcile"].add_argument(
        "--dry-run", action="store_true", help="write a report, queue nothing"
    )
    for name in ("inspect", "test-write"):
        commands[name].add_argument(
            "scene_id", metavar="ID", type=_scene_id, help="the scene's number"
        )
    retry = commands["retry-dlq"]
    retry.add_argument("--error-type", metavar="TYPE", help="only this type, such as PlexNotFound")
    retry.add_argument(
        "--scene", metavar="ID", type=_scene_id, dest="scene_id", help="only this scene's"
    )


def _common_options(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--stash",
        metavar="URL",
        type=_stash,
        default=environ.get("STASH_URL") or DEFAULT_STASH,
        help=f"Stash's address (default: STASH_URL, or {DEFAULT_STASH})",
    )
    common.add_argument(
        "--plex", metavar="URL", type=_plex, help="Plex's address, which replaces the setting"
    )
    common.add_argument("--json", action="store_true", help="answer as JSON on stdout")
    common.add_argument("--strict", action="store_true", help="exit with 1 also for a warning")
    return common


def task_arguments(options: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(options, name, None) for name in _TASK_ARGUMENTS}
    arguments = {name: value for name, value in given.items() if value}
    return {"mode": options.mode, **arguments, **({"format": "json"} if options.json else {})}


def _stash(text: str) -> dict[str, Any]:
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
    wanted = f"an address such as {example} is expected"
    if "@" in text:
        raise argparse.ArgumentTypeError(f"{wanted}, without user and password")
    with suppress(ValueError):
        parts = urlsplit(text.strip())
        if parts.scheme in _PORTS and parts.hostname and parts.port != 0:
            return parts
    raise argparse.ArgumentTypeError(f"{wanted}, not {text!r:.100}")


def _scene_id(text: str) -> str:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"the number of a scene is expected, not {text!r:.100}")
    return text


class Terminal:
    def __init__(self, out: TextIO, err: TextIO) -> None:
        self.log = Log(self._sink)
        self._out = out
        self._err = err
        self._percent = ""

    def _sink(self, level: str, text: str, _code: str, _fields: Mapping[str, object]) -> None:
        if level == PROGRESS:
            self._show(f"{float(text) * 100:3.0f} %")
        elif level != DEBUG:
            self._show("")
            self._err.write(f"{_PREFIXES.get(level, '')}{text}\n")
            self._err.flush()

    def _show(self, percent: str) -> None:
        if self._err.isatty() and percent != self._percent:
            self._err.write(f"\r{percent}" if percent else "\r      \r")
            self._err.flush()
            self._percent = percent

    def answer(self, answer: Answer) -> None:
        self._show("")
        for line in (*answer.details, answer.text):
            self._out.write(one_line(self.log.secrets.redact(line)) + "\n")
        self._out.flush()

    def answer_as_json(self, answer: dict[str, Any]) -> None:
        self._show("")
        self._out.write(json.dumps(answer, indent=2) + "\n")
        self._out.flush()


def run_command(script: str, arguments: Sequence[str]) -> int:
    _prepare_streams()
    parser = make_parser(installed_version(script), os.environ)
    if not arguments:
        parser.print_help()
        return DONE
    options = parser.parse_args(arguments)
    terminal = Terminal(sys.stdout, sys.stderr)
    log = terminal.log
    connection = _connection(options.stash, options.plex, log)
    try:
        _check_data_folder(os.path.dirname(script), log, for_doctor=options.mode == DOCTOR)
        arguments_of_task = task_arguments(options)
        answer = run_task(script, connection, arguments_of_task, log, in_stash=False)
    except TaskError as error:
        log.error(str(error))
        if options.json:
            terminal.answer_as_json({"error": log.redact(str(error))})
        return NOT_DONE
    except KeyboardInterrupt:
        log.error("Ctrl-C stopped this command. The worker continues with the queued jobs")
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - every error gets an exit code
        trace = log.secrets.redact(traceback.format_exc())
        sys.stderr.write(f"error: Bug in Stash2Plex, please report it:\n{trace}")
        return NOT_DONE
    if options.json:
        terminal.answer_as_json(redacted(answer.as_json(), log))
    else:
        terminal.answer(answer)
    has_problem = answer.level is Level.FAULT or (options.strict and answer.level is Level.WARNING)
    return SOMETHING_WRONG if has_problem else DONE


def _prepare_streams() -> None:
    nowhere = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    # In `pythonw.exe`, the standard streams are None.
    sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _connection(stash: dict[str, Any], plex: str | None, log: Log) -> dict[str, Any]:
    # Child processes must not inherit the API key of Stash.
    key = os.environ.pop("STASH_API_KEY", "").strip()
    log.secrets.add(key)
    return stash | ({"ApiKey": key} if key else {}) | ({"PlexUrl": plex} if plex else {})


def _check_data_folder(plugin_dir: str, log: Log, *, for_doctor: bool) -> None:
    folder = preferred_folder(plugin_dir, os.environ)
    exists = os.path.exists(folder)
    if for_doctor and exists:
        return
    problem = reason_not_to_run(plugin_dir, os.environ, getattr(os, "geteuid", None))
    if problem:
        raise TaskError(problem)
    if not exists:
        log.warning(
            f"There is no data folder yet: {folder} is created now. If Stash has run the plugin "
            "before, the plugin has another data folder: set STASH_PLUGIN_DATA to its path"
        )


def reason_not_to_run(
    plugin_dir: str, environ: Mapping[str, str], user: Callable[[], int] | None = None
) -> str | None:
    existing = preferred_folder(plugin_dir, environ)
    while not os.path.exists(existing) and existing != os.path.dirname(existing):
        existing = os.path.dirname(existing)
    if user is not None and (owner := os.stat(existing).st_uid) != user():
        return (
            f"{existing} belongs to user {_name(owner)}, and you are {_name(user())}, whose files "
            f"Stash cannot read. Run the command as {_name(owner)}, in Stash's container if there "
            f"is one; or {_ELSEWHERE}"
        )
    if not (os.path.isdir(existing) and os.access(existing, os.W_OK | os.X_OK)):
        return f"{existing} cannot be written to. Make this folder writable, or {_ELSEWHERE}"
    return None


def _name(number: int) -> str:
    if sys.platform != "win32":
        with suppress(KeyError):
            return pwd.getpwuid(number).pw_name
    return str(number)
