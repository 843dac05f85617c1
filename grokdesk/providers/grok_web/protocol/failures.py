"""What a refusal of grok.com means, and whom it blames: the account, the way, the content or Grok itself.

`http_failure` reads an HTTP answer, `stream_failure` an error inside a stream (protocol/grok-web-chat.md
§15). Nothing of what upstream wrote reaches a message; the beginning of it goes to the detail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import orjson

from grokdesk.core.accounts import Faulted, Outcome, Status
from grokdesk.core.errors import (
    AccountRejected,
    Again,
    Challenged,
    FormGone,
    Overloaded,
    RateLimited,
    Refused,
    Stopped,
    TakenForRobot,
    UpstreamError,
    UpstreamTimeout,
    Withdrawn,
)
from grokdesk.providers.grok_web.protocol import loose
from grokdesk.providers.grok_web.protocol.headers import Call

_SHOWN: Final = 300
_READ_BYTES: Final = 65_536
_LONGEST_WAIT_S: Final = 7 * 86_400

# Searched in code, message and error only: `details` may quote somebody else's trouble (§15.1, §25.9).
_BLOCKED: Final = ("blocked-user", "user is blocked", "email-domain-rejected", "account suspended")
_SIGNED_OUT: Final = (
    "invalid-credentials",
    "bad-credentials",
    "failed to look up session id",
    "session not found",
    "token revoked",
    "token expired",
)
_SPENT: Final = (
    "spending-limit",
    "free-usage-exhausted",
    "used all the included free usage",
    "run out of credits",
    "usage balance exhausted",
)
_LIMITED: Final = (
    "too many requests",
    "rate limit",
    "rate_limit",
    "usage limit",
    "usage_limit",
    "usage quota",
)
_UNSAFE: Final = (
    "content violates usage guidelines",
    "safety_check_type",
    "content-moderated",
    "content policy",
    "content moderation",
    "request rejected by policy",
)
# The request itself, whoever asks: another surface says so (§15.1), and another scheme of signing in
# (grok-web-media.md §12.1).
_MISTAKEN: Final = ("dpop-required", "zero data retention")
_MISTAKEN_CODES: Final = {
    "invalid_argument",
    "invalid_arguments",
    "invalid_parameter",
    "invalid_parameters",
    "invalid_params",
    "invalid_request",
    "bad_request",
}
_BIRTH_DATE_SET: Final = ("birth-date-change-limit-reached",)
# The second is how a signature that is too old is told, as plain text (grok-web-media.md §12.1).
_ANTI_BOT: Final = ("anti-bot", "page is out of date")
_FORGOTTEN: Final = ("conversation_not_found",)
_BUSY: Final = ("overloaded", "unavailable", "high demand", "at capacity")
_CHALLENGE_PAGE: Final = ("just a moment", "challenge-platform", "__cf_chl", "cf-chl-")
_LIMIT_MEMBERS: Final = ("globalRateLimit", "usageLimitReached", "usagePoolExhausted")

# Who the account is belongs to the gateway, which cannot be opened without knowing it (§9.1).
_FORM_CALLS: Final = {Call.CHAT, Call.SESSION}
_MEDIA_CALLS: Final = {Call.IMAGINE, Call.GENERATE, Call.MEDIA_UPLOAD, Call.MEDIA_POST}
_MEDIA_FORM_CALLS: Final = {Call.GENERATE, Call.MEDIA_UPLOAD, Call.MEDIA_POST}
# What a server says of a member that it does not know, or knows no more.
_UNKNOWN_FORM: Final = (
    "unknown field",
    "unknown name",
    "unrecognized field",
    "no such field",
    "unknown path",
    "modelconfigoverride",
    "mediageninput",
    "videogenmodelconfig",
    "imageeditmodelconfig",
)
_DELETIONS: Final = {Call.DELETE_ASSET, Call.DELETE_CONVERSATION}
# What counts as a question, so that a limit means that they are used up.
_QUESTIONS: Final = {Call.CHAT, Call.UPLOAD, Call.UPLOAD_OLDER}
_FORM_GONE: Final = {404, 405, 410, 426, 501}
_BUSY_STATUS: Final = {503, 529}
_TIMEOUT_STATUS: Final = {504, 522, 524}

# gRPC code numbers, which `code` uses (§15.1).
_DEADLINE: Final = 4
_PERMISSION: Final = 7
_EXHAUSTED: Final = 8
_INTERNAL: Final = 13
_UNAVAILABLE: Final = 14
_UNAUTHENTICATED: Final = 16


class NotAccepted(UpstreamError):
    """Grok does not take a request of ours, whoever asks."""

    title = "Grok did not accept the request"
    again = Again.NEVER


class AskedTooOften(RateLimited):
    """A limit of calls that are no questions: says nothing about how many of these are left."""

    @property
    def outcome(self) -> Outcome:
        """The account rests a little."""
        return Faulted(self.message)


class ConversationGone(UpstreamError):
    """The conversation that was to be continued is not known any more (§15.2)."""


class Gone(UpstreamError):
    """What was to be deleted is not there any more."""

    title = "It is gone already"
    again = Again.NEVER


class Hopeless(UpstreamError):
    """Trouble of Grok's own, of which it says that asking again does not help (§15.1)."""

    again = Again.NEVER


class NotMade(UpstreamError):
    """Grok says that it could not make a picture or film."""

    title = "Grok could not make it"
    again = Again.NEVER


class BirthDateSet(UpstreamError):
    """The account has a date of birth already, and it cannot be changed (§18.2)."""

    title = "The date of birth is set already"
    again = Again.NEVER


def http_failure(
    status: int, headers: Mapping[str, str], body: bytes, *, call: Call, now: float
) -> UpstreamError:
    """What the answer `status` to `call` means (§15.1).

    `headers` have lower-case names, `now` is Unix seconds. For CHAT it is also asked about a WebSocket
    handshake that was not answered with 101.
    """
    error = _http_failure(status, headers, body, call, now)
    error.http_status = status
    return error


def _http_failure(
    status: int, headers: Mapping[str, str], body: bytes, call: Call, now: float
) -> UpstreamError:
    page = body[:_READ_BYTES].decode("utf-8", "replace")
    said = _said(body, page)
    detail = f"{call.value} status={status} body={' '.join(page.split())[:_SHOWN]}"
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(said, page, headers, call, detail)
    if _is_challenge(page, headers):
        return challenged(detail)
    if status == HTTPStatus.UNAUTHORIZED:
        return rejected(said.words, detail) or signed_out(detail)
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return out_of_credits(detail)
    if status == HTTPStatus.TOO_MANY_REQUESTS and _is_html(page):
        # A page, not JSON: Cloudflare counts requests per address, which says nothing about the account's
        # quota.
        return challenged(detail)
    if status == HTTPStatus.TOO_MANY_REQUESTS and call is Call.BIRTH_DATE and said.has(_BIRTH_DATE_SET):
        return BirthDateSet(
            "This account has a date of birth already, which cannot be changed here.", detail=detail
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _limited(call, detail, retry_after=_retry_after(headers, now))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in _FORM_GONE:
        if headers.get("x-should-retry", "").strip().lower() == "false":
            return hopeless(detail)
        return _server_trouble(status, said, detail)
    if status == HTTPStatus.BAD_REQUEST:
        if call in _MEDIA_FORM_CALLS and said.has(_UNKNOWN_FORM):
            return media_form_gone(detail)
        return rejected(said.words, detail) or _refused_or(said, not_accepted(detail), call, detail)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return too_large(detail)
    if status == HTTPStatus.NOT_FOUND and call in _DELETIONS:
        return Gone("Grok does not have it any more.", detail=detail)
    if call in _FORM_CALLS and (status in _FORM_GONE or status < HTTPStatus.MULTIPLE_CHOICES):
        return form_gone(detail)
    if call in _MEDIA_FORM_CALLS and status in _FORM_GONE:
        return media_form_gone(detail)
    if status < HTTPStatus.BAD_REQUEST and "/sign-" in headers.get("location", ""):
        return signed_out(detail)
    return not_accepted(detail)


def stream_failure(error: object, *, call: Call = Call.CHAT) -> UpstreamError:
    """What an error inside a 200 stream, or a gRPC status, in answer to `call` means (§15.2, §18.4).

    `error` is the error object, `{"code":8,"message":"Too many requests"}` with all its variants, or a text.
    """
    said = _saying(error)
    detail = f"in the stream: {_excerpt(error)}"
    blamed = rejected(said.words, detail)
    if blamed is not None:
        return blamed
    if said.has(_FORGOTTEN):
        return conversation_gone(detail)
    if said.has(_ANTI_BOT):
        return taken_for_robot(detail)
    if said.has(_UNSAFE):
        return _refused(call, detail)
    if said.has(_SPENT):
        return out_of_credits(detail)
    if said.code == _EXHAUSTED or said.limited or said.has(_LIMITED):
        return _limited(call, detail)
    if said.code == _UNAUTHENTICATED:
        return signed_out(detail)
    if said.code == _PERMISSION:
        return taken_for_robot(detail)
    if said.code in {_INTERNAL, _UNAVAILABLE} or said.has(_BUSY):
        return overloaded(detail)
    if said.code == _DEADLINE:
        return timed_out(detail)
    return not_made(detail) if call in _MEDIA_CALLS else broke_off(detail)


# --- the failures, each worded once -------------------------------------------------------------------------


def rejected(words: str, detail: str) -> AccountRejected | None:
    """The account is blocked or signed out if `words`, in lower case, say so; else None."""
    if any(marker in words for marker in _BLOCKED):
        return blocked(detail)
    if any(marker in words for marker in _SIGNED_OUT):
        return signed_out(detail)
    return None


def blocked(detail: str) -> AccountRejected:
    """Grok has blocked the account."""
    return AccountRejected(
        "Grok has blocked this account.",
        status=Status.BLOCKED,
        hint="Sign in at grok.com with it to see why, or remove the account here.",
        detail=detail,
    )


def signed_out(detail: str) -> AccountRejected:
    """The token is no longer accepted."""
    return AccountRejected(
        "Grok no longer accepts this account's sign-in.",
        status=Status.EXPIRED,
        hint="Sign in at grok.com and add the account's new token.",
        detail=detail,
    )


def limited(detail: str, *, retry_after: float | None = None) -> RateLimited:
    """Out of questions in this mode."""
    return RateLimited(
        "This account has used up its questions for now.",
        hint="Wait for its limit to reset, use another model, or add an account.",
        detail=detail,
        retry_after=retry_after,
    )


def made_enough(detail: str, *, retry_after: float | None = None) -> RateLimited:
    """No more pictures or films for now."""
    return RateLimited(
        "This account has made as many pictures or films as it may for now.",
        hint="Wait for its limit to reset, use another model, or add an account.",
        detail=detail,
        retry_after=retry_after,
    )


def asked_too_often(detail: str, *, retry_after: float | None = None) -> AskedTooOften:
    """Too many calls that ask or change something about the account."""
    return AskedTooOften(
        "Grok does not want to be asked so often by this account.",
        hint="Try again in a few minutes.",
        detail=detail,
        retry_after=retry_after,
    )


def out_of_credits(detail: str) -> RateLimited:
    """Nothing left to spend."""
    return RateLimited(
        "This account has used up its credits.",
        hint="Wait until its period ends, or add an account.",
        detail=detail,
    )


def challenged(detail: str) -> Challenged:
    """Stopped by Cloudflare."""
    return Challenged(
        "Cloudflare stopped this request on the way to Grok; the account is fine.",
        hint="Renew the Cloudflare cookies together with their user agent, or use another proxy.",
        detail=detail,
    )


def taken_for_robot(detail: str) -> TakenForRobot:
    """Stopped by Grok's own check of browsers."""
    return TakenForRobot(
        "Grok took this request for a robot's and stopped it; the account is fine.",
        hint="Change grok_web.statsig or egress.user_agent, or use another proxy.",
        detail=detail,
    )


def stopped(detail: str) -> Stopped:
    """A 403 that says nothing."""
    return Stopped(
        "Grok refused this request without saying why; most often the way there is the cause.",
        hint="Test the connection, renew the Cloudflare cookies, or use another proxy.",
        detail=detail,
    )


def refused(detail: str) -> Refused:
    """Moderation."""
    return Refused(
        "Grok refuses this content; the account is fine.", hint="Ask for something else.", detail=detail
    )


def withdrawn(detail: str) -> Withdrawn:
    """Moderation of a picture or film."""
    return Withdrawn(
        "Grok does not make this because of its content; the account is fine.",
        hint="Describe something else, or use other pictures.",
        detail=detail,
    )


def media_form_gone(detail: str) -> FormGone:
    """This way of asking for pictures and films is unknown to Grok."""
    return FormGone(
        "Grok does not know this form of requests for pictures and films.",
        hint="Set media.form to the other form, or to auto.",
        detail=detail,
    )


def form_gone(detail: str) -> FormGone:
    """This way of asking is unknown to Grok."""
    return FormGone(
        "Grok does not know this form of chat.",
        hint="Set grok_web.chat_form to the other form, or to auto.",
        detail=detail,
    )


def overloaded(detail: str) -> Overloaded:
    """Too busy."""
    return Overloaded(
        "Grok is too busy to answer; neither the account nor the connection is at fault.",
        hint="Try again in a minute, or use another model.",
        detail=detail,
    )


def timed_out(detail: str) -> UpstreamTimeout:
    """Grok's own servers waited too long for one another."""
    return UpstreamTimeout("Grok's servers took too long to answer.", hint="Try again.", detail=detail)


def hopeless(detail: str) -> Hopeless:
    """Trouble that will not pass."""
    return Hopeless(
        "Grok has a problem of its own, and says that asking again does not help.",
        hint="Ask something else, or try again much later.",
        detail=detail,
    )


def broke_off(detail: str) -> UpstreamError:
    """A failure inside a stream that says nothing more."""
    return UpstreamError(
        "Grok broke off its answer with an error of its own.", hint="Try again.", detail=detail
    )


def not_made(detail: str) -> NotMade:
    """A job of pictures or films that failed at Grok."""
    return NotMade(
        "Grok could not make this: it ended with an error of its own.",
        hint="Try again, or describe it in another way.",
        detail=detail,
    )


def conversation_gone(detail: str) -> ConversationGone:
    """Nothing to go on with."""
    return ConversationGone(
        "Grok does not know this conversation any more.", hint="Ask again.", detail=detail
    )


def too_large(detail: str) -> NotAccepted:
    """More than Grok takes."""
    return NotAccepted(
        "This is too large for Grok.",
        hint="Send less: a shorter conversation, or smaller attachments.",
        detail=detail,
    )


def not_accepted(detail: str) -> NotAccepted:
    """A request that Grok does not take, for no reason we know."""
    return NotAccepted(
        "Grok did not accept this request.",
        hint="If it happens every time, Grok has changed and this program needs an update.",
        detail=detail,
    )


def _refused(call: Call, detail: str) -> Refused:
    return withdrawn(detail) if call in _MEDIA_CALLS else refused(detail)


def _limited(call: Call, detail: str, *, retry_after: float | None = None) -> RateLimited:
    worded = made_enough if call in _MEDIA_CALLS else limited if call in _QUESTIONS else asked_too_often
    return worded(detail, retry_after=retry_after)


# --- reading ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Said:
    """What upstream said: `words` in lower case, `code` if it is a number, whether it says rate limit."""

    words: str = ""
    code: int | None = None
    limited: bool = False

    def has(self, markers: tuple[str, ...]) -> bool:
        return any(marker in self.words for marker in markers)


def _said(body: bytes, page: str) -> _Said:
    source = loose.parsed(body)
    if source is not None:
        return _saying(source)
    return _Said() if _is_html(page) else _Said(words=page.lower())


def _saying(error: object) -> _Said:
    """Read code, message, error, kind and reason, also one `error` further in; `details` are not searched."""
    if isinstance(error, str):
        return _Said(words=error.lower())
    if not isinstance(error, dict):
        return _Said()
    layers = [error, loose.member(error, "error")]
    found = [loose.text(layer, name) for layer in layers for name in _TELLING]
    found += [loose.text(loose.member(layer, "details", "status_details"), "reason") for layer in layers]
    codes = [loose.number(layer, "code") for layer in layers]
    code = next((int(code) for code in codes if code is not None), None)
    is_limited = any(layer.get(name) not in _ABSENT for layer in layers for name in _LIMIT_MEMBERS)
    return _Said(words="\n".join(found).lower(), code=code, limited=is_limited)


# All names under which codes and texts have been seen (§15.1, §15.2, grok-web-media.md §12.1).
_TELLING: Final = (
    "code",
    "error_code",
    "type",
    "message",
    "error_message",
    "error",
    "detail",
    "kind",
    "reason",
)
_ABSENT: Final = (None, False)


def _excerpt(error: object) -> str:
    return orjson.dumps(error, default=str)[: 4 * _SHOWN].decode("utf-8", "replace")[:_SHOWN]


def _forbidden(said: _Said, page: str, headers: Mapping[str, str], call: Call, detail: str) -> UpstreamError:
    """403 has at least five meanings (§25.9); one that names no other cause is treated like a challenge."""
    if _is_challenge(page, headers) or _is_html(page) or not page.strip() or _is_challenge_text(page):
        return challenged(detail)
    found = rejected(said.words, detail)
    if found is not None:
        return found
    if said.has(_ANTI_BOT):
        return taken_for_robot(detail)
    if said.has(_SPENT):
        return out_of_credits(detail)
    if said.has(_MISTAKEN) or not _MISTAKEN_CODES.isdisjoint(said.words.split("\n")):
        return not_accepted(detail)
    return _refused_or(said, stopped(detail), call, detail)


def _refused_or(said: _Said, otherwise: UpstreamError, call: Call, detail: str) -> UpstreamError:
    return _refused(call, detail) if said.has(_UNSAFE) else otherwise


def _server_trouble(status: int, said: _Said, detail: str) -> UpstreamError:
    if status in _BUSY_STATUS or said.has(("overloaded",)):
        return overloaded(detail)
    if status in _TIMEOUT_STATUS:
        return timed_out(detail)
    return UpstreamError(
        "Grok's servers have a problem of their own; the account is fine.",
        hint="Try again in a minute.",
        detail=detail,
    )


def _is_html(page: str) -> bool:
    return re.match(r"\s*<(?:!doctype|html|head|body)", page, re.IGNORECASE) is not None


def _is_challenge(page: str, headers: Mapping[str, str]) -> bool:
    if headers.get("cf-mitigated", "").lower() == "challenge":
        return True
    return _is_html(page) and _has_challenge(page)


def _is_challenge_text(page: str) -> bool:
    """What is neither HTML nor JSON, and has the marks of the page all the same."""
    return not page.lstrip().startswith("{") and _has_challenge(page)


def _has_challenge(page: str) -> bool:
    lower = page.lower()
    return any(marker in lower for marker in _CHALLENGE_PAGE)


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """`Retry-After` in seconds, given so or as an HTTP date; at most a week."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isdecimal() and value.isascii():
        return float(min(int(value[:9]), _LONGEST_WAIT_S))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, moment.timestamp() - now), _LONGEST_WAIT_S)
