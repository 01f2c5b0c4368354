import os
from typing import Any

from plex.connection import device_headers
from plex.sign_in import LIFETIME, PlexSignIn, Server, SignInError
from shared.state_file import read_state, write_state
from tasks.answer import Answer, TaskError
from tasks.status.health_check import end_outage
from worker.services import Services

_BETWEEN_LOOKS = 0.5
_STEPS = ("waiting", "choosing", "done", "failed")


def sign_in(services: Services, *, server: str) -> Answer:
    try:
        chosen = _choose_server(services, server)
    except SignInError as error:
        _note(services, "failed", text=str(error))
        raise TaskError(str(error)) from error
    services.sessions.change({"plex_url": chosen.url, "plex_token": chosen.token})
    end_outage(services)
    if services.queue.has_unfinished():
        services.ensure_worker()
    answer = f"Signed in: Stash2Plex now uses the Plex server '{chosen.name}' at {chosen.url}"
    _note(services, "done", text=answer)
    return Answer(answer, data={"server": chosen.name, "plex_url": chosen.url})


def _choose_server(services: Services, wanted: str) -> Server:
    identity = device_headers(services.folder.device_id, services.log.event, services.clock())
    signing_in = PlexSignIn(identity, services.monotonic, services.sleep)
    link = signing_in.link()
    _note(services, "waiting", link=link)
    services.log.info(f"Open this page in a browser and sign in to Plex: {link}")
    servers = signing_in.servers(signing_in.wait())
    by_name = {server.name: server for server in servers}
    if not wanted and len(servers) == 1:
        return servers[0]
    wanted = wanted or _ask_for_server(services, list(by_name))
    if wanted in by_name:
        return by_name[wanted]
    names = ", ".join(f"'{name}'" for name in by_name)
    raise SignInError(f"This account has no server '{wanted}'. Choose one of its servers: {names}")


def _ask_for_server(services: Services, names: list[str]) -> str:
    path = services.folder.sign_in_choice
    if os.path.exists(path):
        os.unlink(path)
    _note(services, "choosing", servers=names)
    services.log.info(f"This account has several servers, choose one: {', '.join(names)}")
    ends = services.monotonic() + LIFETIME
    while services.monotonic() < ends:
        if server := read_state(path, services.log.event, services.clock()).get("server"):
            os.unlink(path)
            return str(server)
        services.sleep(_BETWEEN_LOOKS)
    advice = "sign in again, or give its name in the argument 'server'"
    raise SignInError(f"No server was chosen: {advice}")


def _note(services: Services, step: str, **fields: Any) -> None:
    # The page reads `sign_in.json` during the sign-in, so the file never contains the token.
    write_state(services.folder.sign_in, {"step": step, **fields})


def sign_in_status(services: Services, *, server: str, reset: bool) -> Answer:
    folder = services.folder
    if reset:
        write_state(folder.sign_in, {})
    if server:
        write_state(folder.sign_in_choice, {"server": server})
    state = read_state(folder.sign_in, services.log.event, services.clock())
    step, servers = state.get("step"), state.get("servers")
    return Answer(
        str(state.get("text") or ""),
        data={
            "step": step if step in _STEPS else None,
            "link": str(state.get("link") or ""),
            "servers": [str(name) for name in servers] if isinstance(servers, list) else [],
        },
    )
