"""Signs in with a Plex account, and stores the address and the token of its server.

The task runs until the user has signed in and chosen a server. The page follows its state file,
which holds no token: the token stays in this process until it is stored in the settings.
"""

import os
from collections.abc import Sequence
from typing import Any

from plex.connection import device_headers
from plex.sign_in import LIFETIME, PlexSignIn, Server, SignInError
from shared.state_file import read_state, write_state
from tasks.answer import Answer, TaskError
from tasks.status.health_check import end_outage
from worker.services import Services

_BETWEEN_LOOKS = 0.5  # seconds between two looks for the user's choice
_STEPS = ("waiting", "choosing", "done", "failed")


def sign_in(services: Services, *, server: str) -> Answer:
    """Sign in with Plex; `server` chooses a server by its name if the account has several."""
    attempt = _Attempt(services)
    try:
        chosen = attempt.run(server)
    except SignInError as error:
        attempt.note("failed", text=str(error))
        raise TaskError(str(error)) from error
    services.sessions.change({"plex_url": chosen.url, "plex_token": chosen.token})
    end_outage(services)
    if services.queue.has_unfinished():
        services.ensure_worker()
    answer = f"Signed in: Stash2Plex now uses the Plex server '{chosen.name}' at {chosen.url}"
    attempt.note("done", text=answer)
    return Answer(answer, data={"server": chosen.name, "plex_url": chosen.url})


def sign_in_status(services: Services, *, server: str, reset: bool) -> Answer:
    """Return the step of the last sign-in.

    `server` answers the task's question for a server; `reset` forgets the step of an earlier task.
    """
    folder = services.folder
    if reset:
        write_state(folder.sign_in, {})
    if server:
        write_state(folder.sign_in_choice, {"server": server})
    state = read_state(folder.sign_in, services.log.event, services.clock())
    step = state.get("step")
    servers = state.get("servers")
    return Answer(
        str(state.get("text") or ""),
        data={
            "step": step if step in _STEPS else None,
            "link": str(state.get("link") or ""),
            "servers": [str(name) for name in servers] if isinstance(servers, list) else [],
        },
    )


class _Attempt:
    def __init__(self, context: Services) -> None:
        self._context = context
        self._folder = context.folder
        identity = device_headers(self._folder.device_id, context.log.event, context.clock())
        self._sign_in = PlexSignIn(identity, context.monotonic, context.sleep)

    def run(self, wanted: str) -> Server:
        """Return the chosen server of the account.

        Raises:
            SignInError: the user did not sign in or choose, or no server can be used.
        """
        link = self._sign_in.link()
        self.note("waiting", link=link)
        self._context.log.info(f"Open this page in a browser and sign in to Plex: {link}")
        servers = self._sign_in.servers(self._sign_in.wait())
        by_name = {server.name: server for server in servers}
        if not wanted and len(servers) == 1:
            return servers[0]
        if not wanted:
            wanted = self._choice(list(by_name))
        if wanted in by_name:
            return by_name[wanted]
        names = ", ".join(f"'{name}'" for name in by_name)
        raise SignInError(f"Choose a server of this account: {names}; there is no '{wanted}'")

    def _choice(self, names: Sequence[str]) -> str:
        """Wait until the user has chosen a server on the page; return its name."""
        path = self._folder.sign_in_choice
        if os.path.exists(path):
            os.unlink(path)
        self.note("choosing", servers=list(names))
        self._context.log.info(f"This account has several servers, choose one: {', '.join(names)}")
        ends = self._context.monotonic() + LIFETIME
        while self._context.monotonic() < ends:
            choice = read_state(path, self._context.log.event, self._context.clock())
            if choice.get("server"):
                os.unlink(path)
                return str(choice["server"])
            self._context.sleep(_BETWEEN_LOOKS)
        raise SignInError(
            "No server was chosen: sign in again, or give its name in the argument 'server'"
        )

    def note(self, step: str, **fields: Any) -> None:
        """Store the step for the page."""
        write_state(self._folder.sign_in, {"step": step, **fields})
