"""What every call goes through: written down, turned away, refused, answered; and reading JSON with care."""

from typing import Final

import orjson
from aiohttp import web

from grokdesk.sim import faults
from grokdesk.sim.script import Json, Refusal
from grokdesk.sim.world import Account, Received, World


class Desk:
    """The reception of a world."""

    def __init__(self, world: World) -> None:
        self.world: Final = world

    async def receive(self, request: web.Request) -> Received:
        """Write down what came in. A multipart body is left for its handler to read."""
        is_multipart = request.content_type == "multipart/form-data"
        body = b"" if is_multipart or not request.can_read_body else await request.read()
        pairs = [
            (name.strip(), value)
            for name, _, value in (
                pair.partition("=") for pair in request.headers.get("Cookie", "").split(";") if pair.strip()
            )
        ]
        cookies = dict(pairs)
        seen = Received(
            path=request.path,
            method=request.method,
            headers=request.headers,
            cookies=cookies,
            query=dict(request.query),
            body=body,
            json=_parsed(body),
            account=self.world.accounts.get(cookies.get("sso", "")),
            at=self.world.now(),
            monotonic=self.world.monotonic(),
            host=request.host,
            cookie_names=tuple(name for name, _ in pairs),
            peer=_peer(request),
        )
        self.world.record(seen)
        return seen

    def turned_away(self, seen: Received, problems: list[str], *, cleared: bool) -> Refusal | None:
        """Who does not even reach the account table."""
        self.violate(seen, problems)
        if not cleared:
            return faults.CHALLENGE
        if problems and self.world.strict:
            return faults.status_refusal(faults.CODE_INVALID, "; ".join(problems), status=400)
        if not seen.account:
            return faults.UNKNOWN_SESSION
        return None

    def status_refusal(self, seen: Received) -> Refusal | None:
        """Whom the account table sends away."""
        match owner(seen).status:
            case "ok":
                return None
            case "blocked":
                return faults.BLOCKED
            case "unauthenticated":
                return faults.DEAD_SESSION

    def violate(self, seen: Received, problems: list[str]) -> None:
        """Write down what is wrong with a call."""
        if problems:
            seen.violations += problems
            self.world.violate(f"{seen.method} {seen.path}", problems)

    def bad(self, seen: Received, problems: list[str]) -> web.Response | None:
        """Record what is wrong with a body; refuse it if the world is strict."""
        self.violate(seen, problems)
        if problems and self.world.strict:
            return answer(faults.status_refusal(faults.CODE_INVALID, "; ".join(problems), status=400), seen)
        return None


def answer(refusal: Refusal, seen: Received) -> web.Response:
    """`refusal` as the answer to this call."""
    seen.status = refusal.status
    return web.Response(status=refusal.status, body=refusal.body, headers=refusal.headers)


def dropped(request: web.Request) -> web.Response:
    """No answer: the connection is gone before the handler returns."""
    if request.transport:
        request.transport.abort()
    return web.Response()


def owner(seen: Received) -> Account:
    """Whose call it is, behind the account table."""
    assert seen.account, "whoever gets here was let in"
    return seen.account


def json_object(data: str | bytes) -> Json | None:
    """`data` as exactly one JSON object."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def as_object(value: object) -> Json:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """`value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return None


def _peer(request: web.Request) -> str:
    name = request.transport.get_extra_info("peername") if request.transport else None
    return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else ""
