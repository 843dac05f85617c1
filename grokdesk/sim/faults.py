"""What can go wrong on purpose: every row of protocol §15.1 and §15.2, and what networks do.

Functions return scripts. A *refusal* answers the request instead of a stream (in the gateway form: instead of
the 101). All others happen inside a stream; added to an answer they happen to that answer, alone to the
ordinary one. The bodies are those of the document's samples; codes and bracketed markers are literal, other
wording is ours.
"""

from collections.abc import Iterable
from typing import Literal, Unpack

import orjson

from grokdesk.sim.script import (
    Cut,
    Ended,
    HangUp,
    Media,
    MediaOptions,
    Raw,
    Refusal,
    Script,
    Stall,
    StreamError,
)

CODE_INVALID = 3
CODE_NOT_FOUND = 5
CODE_DENIED = 7
CODE_EXHAUSTED = 8
CODE_INTERNAL = 13
CODE_UNAUTHENTICATED = 16

_JSON = {"Content-Type": "application/json"}
_CHALLENGE_PAGE = (
    b'<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head><body>'
    b'<div id="challenge-error-text"></div>'
    b'<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1?ray=8f00demo"></script>'
    b"</body></html>"
)


# ------------------------------------------------------------------------------------ plain answers


def status_refusal(code: int | str, message: str, *, status: int) -> Refusal:
    """`{"code","message","details"}`, the usual shape of a refusal."""
    return Refusal(status, orjson.dumps({"code": code, "message": message, "details": []}), _JSON)


def _enveloped(code: int | str, message: str, *, status: int) -> Refusal:
    return Refusal(status, orjson.dumps({"error": {"code": code, "message": message}}), _JSON)


TOO_MANY = status_refusal(CODE_EXHAUSTED, "Too many requests", status=429)
DEAD_SESSION = status_refusal(
    CODE_UNAUTHENTICATED, "Invalid credentials [WKE=unauthenticated:invalid-credentials]", status=401
)
UNKNOWN_SESSION = _enveloped("bad-credentials", "Failed to look up session ID", status=401)
BLOCKED = status_refusal(CODE_DENIED, "User is blocked [WKE=unauthorized:blocked-user]", status=403)
NOT_FOUND = status_refusal(CODE_NOT_FOUND, "Not Found", status=404)
ABOVE_TIER = status_refusal(CODE_DENIED, "This mode needs a higher subscription.", status=403)
BIRTH_DATE_SET = status_refusal(
    CODE_EXHAUSTED,
    "Birth date is locked once set. [WKE=account:birth-date-change-limit-reached]",
    status=429,
)
CHALLENGE = Refusal(
    403,
    _CHALLENGE_PAGE,
    {
        "Content-Type": "text/html; charset=UTF-8",
        "Server": "cloudflare",
        "cf-mitigated": "challenge",
        "cf-ray": "8f00demo-FRA",
    },
)


# ----------------------------------------------------------------------------------------- refusals


def refused(status: int, body: bytes | str | object = b"", headers: dict[str, str] | None = None) -> Script:
    """Any HTTP answer. A `body` that is neither bytes nor text is sent as JSON."""
    match body:
        case bytes():
            return Script(refusal=Refusal(status, body, headers))
        case str():
            return Script(refusal=Refusal(status, body.encode(), headers))
        case _:
            return Script(refusal=Refusal(status, orjson.dumps(body), {**_JSON, **(headers or {})}))


def limited(
    retry_after: float | str | None = None,
    *,
    in_stream: bool = False,
    after: int = 0,
    usage_limit: bool = False,
) -> Script:
    """429 with code 8; `in_stream`: the same inside a 200, as *usage limit* if wanted (§15.1, §15.2)."""
    if in_stream and usage_limit:
        return usage_limit_reached(after=after)
    if in_stream:
        return stream_error(CODE_EXHAUSTED, "Too many requests", after=after)
    if retry_after is None:
        return Script(refusal=TOO_MANY)
    value = str(retry_after) if isinstance(retry_after, str) else f"{retry_after:g}"
    return Script(refusal=Refusal(429, TOO_MANY.body, {**_JSON, "Retry-After": value}))


def usage_limit_reached(mode: str = "Expert", *, after: int = 0) -> Script:
    """The *usage limit* variant of a limit, as seen in the gateway (§15.2, shape partly unknown)."""
    return stream_error(
        CODE_EXHAUSTED,
        f"You've reached your usage limit for {mode}.",
        place="response",
        after=after,
        kind="rate_limited",
        severity="error",
        details={"reason": "usage_limit"},
        usageLimitReached={},
    )


def expired() -> Script:
    """401: the session is dead."""
    return Script(refusal=DEAD_SESSION)


_MARKERS = {
    "session-not-found": (CODE_INVALID, "Session not found"),
    "account-suspended": (CODE_INVALID, "Account suspended"),
    "token-revoked": (CODE_INVALID, "Token revoked"),
    "token-expired": (CODE_INVALID, "Token expired"),
    "email-domain-rejected": (CODE_DENIED, "Email domain rejected [WKE=unauthorized:email-domain-rejected]"),
    "invalid-credentials": (
        CODE_UNAUTHENTICATED,
        "Invalid credentials [WKE=unauthenticated:invalid-credentials]",
    ),
    "bad-credentials": (CODE_UNAUTHENTICATED, "bad-credentials: Failed to look up session ID"),
}


def expired_400(marker: str = "session-not-found", *, status: int = 400) -> Script:
    """A dead session told by one of the markers of §15.1 in the body instead of a 401."""
    code, message = _MARKERS[marker]
    return Script(refusal=status_refusal(code, message, status=status))


def blocked(*, string_code: bool = False) -> Script:
    """403 *blocked-user*: this account is gone for good."""
    if string_code:
        return refused(403, {"code": "unauthorized:blocked-user", "error": "User is blocked"})
    return Script(refusal=BLOCKED)


def block_only_in_details() -> Script:
    """403 whose marker stands in `details`, which does not count as a block."""
    return refused(403, {"code": CODE_DENIED, "message": "Permission denied", "details": ["blocked-user"]})


def antibot() -> Script:
    """403 code 7: the request looked like a robot's."""
    return Script(refusal=status_refusal(CODE_DENIED, "Request rejected by anti-bot rules.", status=403))


def challenge(*, status: int = 403) -> Script:
    """The Cloudflare page."""
    return Script(refusal=Refusal(status, CHALLENGE.body, CHALLENGE.headers))


def plain_forbidden(*, empty_body: bool = False) -> Script:
    """403 that says nothing about why; with an empty body it reads as a challenge."""
    if empty_body:
        return Script(refusal=Refusal(403, b"", {"Server": "cloudflare"}))
    return Script(refusal=status_refusal(CODE_DENIED, "Permission denied", status=403))


def safety() -> Script:
    """403: this prompt is refused; nobody's fault but the prompt's."""
    message = "Content violates usage guidelines. SAFETY_CHECK_TYPE_DEMO"
    return Script(refusal=_enveloped("permission-denied", message, status=403))


def overloaded(*, in_stream: bool = False, after: int = 0) -> Script:
    """503, or code 13 inside a running stream."""
    if in_stream:
        return stream_error(
            CODE_INTERNAL, "The model is overloaded, try again", place="response", after=after
        )
    return Script(refusal=status_refusal(CODE_INTERNAL, "Service unavailable", status=503))


def server_error(status: int = 502) -> Script:
    """A proxy's HTML page with a 5xx status."""
    page = f"<html><head><title>{status} Upstream error</title></head></html>".encode()
    return Script(refusal=Refusal(status, page, {"Content-Type": "text/html", "Server": "cloudflare"}))


def out_of_credits() -> Script:
    """402."""
    return refused(
        402, {"code": "personal-team-blocked:spending-limit", "error": "You have run out of credits"}
    )


def not_found() -> Script:
    """404 JSON."""
    return Script(refusal=NOT_FOUND)


# ------------------------------------------------------------------------------------ in the stream


def stall(
    seconds: float | None = None,
    *,
    after: int = 0,
    at: Literal["open", "acks", "first_byte"] = "first_byte",
) -> Script:
    """Silence; see `Stall`. Without `seconds` it lasts until the client leaves."""
    return Script(incidents=(Stall(seconds, after, at),))


def cut_after(pieces: int | None = None, *, size_bytes: int | None = None, politely: bool = False) -> Script:
    """Drop the connection after so many pieces or body bytes.

    `politely` ends the stream in good order (a complete HTTP body, a close frame) but without any closing
    event.
    """
    return Script(incidents=(Cut(pieces, size_bytes, politely),))


def stream_error(
    code: int | str = CODE_INTERNAL,
    message: str = "Model temporarily unavailable",
    *,
    place: Literal["top", "response", "model_response"] = "top",
    after: int | None = 0,
    **extra: object,
) -> Script:
    """An error inside the stream at one of the places of §15.2; `after=None` when all content was sent."""
    return Script(incidents=(StreamError(code, message, place, after, extra or None),))


def session_ended(after: int = 0) -> Script:
    """`session.ended` instead of the rest of the answer."""
    return Script(incidents=(Ended(after),))


def wrong_attached_id() -> Script:
    """`conversation.attached` names another conversation than the session."""
    return Script(wrong_attached=True)


def empty(*, zero_bytes: bool = False) -> Script:
    """A stream that opens and closes in good order and says nothing; or a 200 without a single byte."""
    return Script(silent=True, bare=zero_bytes)


def garbage(kind: Literal["text", "binary", "half"] = "text") -> Script:
    """Something that is not a frame: no JSON, no text at all, or an object that never ends.

    Alone it is the whole stream; added to an answer it stands where it was added.
    """
    data = {
        "text": b"<<< this is not JSON >>>",
        "binary": bytes((0x80, 0xFF, 0x00, 0x1B, 0xC3, 0x28, 0xF0, 0x9F)) * 8,
        "half": b'{"result":{"response":{"token":"an answer that never',
    }[kind]
    return Script(steps=(Raw(data),), bare=True)


def raw(pieces: Iterable[bytes]) -> Script:
    """Exactly these bytes, one line or gateway message each, and nothing else."""
    return Script(steps=tuple(Raw(piece) for piece in pieces), bare=True)


# ------------------------------------------------------------------------------ pictures and films


def media(**options: Unpack[MediaOptions]) -> Script:
    """How pictures and films come out; see `Media`: `media(moderated=(1,), closes=True)`."""
    return Script(media=Media(**options))


def image_limit(after: int = 0) -> Script:
    """The imagine socket's own limit, told in a frame (media §2.4)."""
    return stream_error("rate_limit_exceeded", "Image rate limit exceeded. Try again later.", after=after)


def content_moderated() -> Script:
    """403: what was asked for is refused before anything is made (media §12.1)."""
    return refused(403, {"error": {"code": "content-moderated", "message": "rejected"}})


def hang_up(*, accepted: bool = False) -> Script:
    """The connection drops before any answer; `accepted`: what was ordered is made all the same."""
    return Script(incidents=(HangUp(accepted),))


def page_instead() -> Script:
    """A download that is answered with status 200 and an HTML page."""
    page = b"<!DOCTYPE html><html><head><title>Grok</title></head><body>Sign in</body></html>"
    return refused(200, page, {"Content-Type": "text/html; charset=utf-8"})
