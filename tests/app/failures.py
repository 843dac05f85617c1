"""Every way in which a call to Grok can fail, and what follows from it, as data.

`tests/app/test_failures.py` plays each case with the whole program against the simulator and compares what
came with what is written here; `tests/app/failures_page.py` makes `docs/failures.md` of the same values. The
cases are the rows and bodies of protocol/grok-web-chat.md §15 and §22 and of protocol/grok-web-media.md §12.

Each case is played with two accounts and two ways out (`one` and `two`): the first account is asked first,
way one is used first, and whatever fails does so for the first account alone, or on way one alone. Then it is
played again with nobody else to turn to, which is when the client hears of it.
"""

# ruff: noqa: E501 - sentences of the program and of the page, each in one piece

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal

import orjson

from grokdesk.core.accounts import Status
from grokdesk.core.egress import Standing
from grokdesk.core.errors import EgressOutcome
from grokdesk.sim import (
    Script,
    antibot,
    block_only_in_details,
    blocked,
    challenge,
    cut_after,
    empty,
    expired,
    expired_400,
    faults,
    garbage,
    grpc_web,
    limited,
    moderated,
    out_of_credits,
    overloaded,
    plain_forbidden,
    raw,
    refused,
    safety,
    server_error,
    stall,
    stream_error,
    text,
    usage_limit_reached,
    wrong_attached_id,
)

Form = Literal["gateway", "rest"]
FORMS: Final[tuple[Form, ...]] = ("gateway", "rest")
GATEWAY: Final[tuple[Form, ...]] = ("gateway",)
REST: Final[tuple[Form, ...]] = ("rest",)

IN_TWO_MINUTES: Final = "{in two minutes}"
"""Stands for that time as a date in a header."""
WINDOW_S: Final = 86_400
"""The window of the accounts of the cases, which are basic ones."""


# --- what is expected ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountAfter:
    """How the account stands after a failure, whose sentence is the reason of whatever changed.

    Seconds, None for none: `used_up_s` until the questions of this mode are full again, `left_alone_s` in
    which this mode is not asked whatever a check says, `rests_s` in which no mode is. `noted` says that the
    failure is written down with the account, `unchecked` that it is as that of its last check.
    """

    status: Status = Status.ACTIVE
    used_up_s: int | None = None
    left_alone_s: int | None = None
    rests_s: int | None = None
    noted: bool = True
    unchecked: bool = False


@dataclass(frozen=True, slots=True)
class WayAfter:
    """How a way out stands: why it failed last, how long it rests (None: not at all), and its clearance."""

    cause: EgressOutcome = EgressOutcome.FINE
    rests_s: int | None = None
    standing: Standing = Standing.OPEN


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a failure means, and all that follows.

    `message` and `hint` are what the client hears, with `status`, `type` and `code`, when nobody else can
    answer; `retry_after_s` is in which time it should come back. `tries` are those that failed with somebody
    else there, `rescue` the one that answered after them (empty: none, and the client hears of the failure),
    `alone` those that failed with nobody else there. A try is an account and a way, such as "first one".
    """

    message: str
    hint: str
    status: int
    type: str = "api_error"
    code: str = "upstream_error"
    account: AccountAfter = AccountAfter()
    way: WayAfter = WayAfter()
    tries: tuple[str, ...] = ("first one",)
    rescue: str = "second one"
    alone: tuple[str, ...] = ("first one",)
    retry_after_s: int | None = None
    warnings: tuple[str, ...] = ()
    alone_warnings: tuple[str, ...] | None = None
    """Where they are others than with somebody else there."""
    written: str = ""
    """What is written down with the account, where that is another sentence."""

    @property
    def passes(self) -> bool:
        """Whether the same account is answered after all: the failure is met once."""
        return self.rescue.startswith("first")

    @property
    def sentence(self) -> str:
        """What the client reads."""
        return f"{self.message} {self.hint}" if self.hint else self.message


# --- what happens -------------------------------------------------------------------------------------------


class Scene(Enum):
    """What is the case besides."""

    PLAIN = "plain"
    VOUCHED = "vouched"
    """Another account has just been answered on this way."""
    SOLVER = "solver"
    """A solver passes Cloudflare's check."""
    SOLVER_FAILS = "solver fails"
    SOLVER_USELESS = "solver useless"
    """What the solver brings back does not help."""
    WAY_DEAD = "way dead"
    """Way one breaks every connection."""
    WAYS_DEAD = "ways dead"
    IMPATIENT = "impatient"
    """Little time is allowed, and the client waits for the first word before it hears anything."""
    AUTO = "auto"
    """The form of chat is not fixed."""
    CONTINUED = "continued"
    """The question continues a conversation."""
    LEAVES = "leaves"
    """The client hangs up."""
    STOPPED = "stopped"
    """The owner ends the request."""


class Place(Enum):
    """Which call fails, and so who hears of it."""

    CHAT = "chat"
    UPLOAD = "upload"
    IDENTITY = "identity"
    CHECK = "check"
    ADULT = "adult"
    FILES = "files"
    FILE = "file"
    CONVERSATIONS = "conversations"
    CONVERSATION = "conversation"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that Grok, or the way there, does.

    `script` is what it does; one that takes a number happens in an answer, after so many of its pieces, and
    is played before the first and after the second. `path` names the call that meets it, where that is not the
    question itself. `said` is what the owner is told when an act goes well all the same.
    """

    name: str
    script: Script | Callable[[int], Script]
    meaning: Meaning
    forms: tuple[Form, ...] = FORMS
    scene: Scene = Scene.PLAIN
    place: Place = Place.CHAT
    path: str = ""
    said: str = ""
    tier: Literal["basic", "super"] = "basic"

    @property
    def first(self) -> Script:
        """What it does before the first word."""
        return self.script if isinstance(self.script, Script) else self.script(0)


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the page, with what is said above it."""

    title: str
    about: str
    cases: tuple[Case, ...]


# --- the meanings -------------------------------------------------------------------------------------------

SIGNED_OUT = Meaning(
    "Grok no longer accepts this account's sign-in.",
    "Sign in at grok.com and add the account's new token.",
    502,
    code="upstream_account_rejected",
    account=AccountAfter(Status.EXPIRED),
    warnings=("account left rotation",),
)
BLOCKED = Meaning(
    "Grok has blocked this account.",
    "Sign in at grok.com with it to see why, or remove the account here.",
    502,
    code="upstream_account_rejected",
    account=AccountAfter(Status.BLOCKED),
    warnings=("account left rotation",),
)
LIMITED = Meaning(
    "This account has used up its questions for now.",
    "Wait for its limit to reset, use another model, or add an account.",
    429,
    type="rate_limit_error",
    code="rate_limit_exceeded",
    account=AccountAfter(used_up_s=WINDOW_S, left_alone_s=30),
    retry_after_s=WINDOW_S,
)
LIMITED_TWO_MINUTES = replace(
    LIMITED, account=AccountAfter(used_up_s=120, left_alone_s=120), retry_after_s=120
)
SPENT = replace(
    LIMITED,
    message="This account has used up its credits.",
    hint="Wait until its period ends, or add an account.",
)
CHALLENGED = Meaning(
    "Cloudflare stopped this request on the way to Grok; the account is fine.",
    "Renew the Cloudflare cookies together with their user agent, or use another proxy.",
    503,
    code="upstream_challenge",
    way=WayAfter(EgressOutcome.CHALLENGED, 30),
    rescue="first two",
    alone=("first one", "first two"),
    warnings=("egress rests", "egress moved"),
    alone_warnings=("egress rests", "egress moved", "egress rests"),
)
ROBOT = replace(
    CHALLENGED,
    message="Grok took this request for a robot's and stopped it; the account is fine.",
    hint="Change grok_web.statsig or egress.user_agent, or use another proxy.",
    way=WayAfter(EgressOutcome.ROBOT, 30),
)
STOPPED = replace(
    CHALLENGED,
    message="Grok refused this request without saying why; most often the way there is the cause.",
    hint="Test the connection, renew the Cloudflare cookies, or use another proxy.",
    way=WayAfter(EgressOutcome.REFUSED, 30),
)


def on_a_good_way(meaning: Meaning) -> Meaning:
    """What a refusal that names no cause means where somebody else was answered a moment ago."""
    return replace(
        meaning,
        message=f"{meaning.message} Others pass on the same way at this moment.",
        hint="Sign in at grok.com with this account to see what it is asked, or bind it to another proxy.",
        account=AccountAfter(rests_s=30),
        way=WayAfter(),
        rescue="second one",
        alone=("first one",),
        warnings=(),
        alone_warnings=None,
    )


REFUSED = Meaning(
    "Grok refuses this content; the account is fine.",
    "Ask for something else.",
    400,
    type="invalid_request_error",
    code="content_policy_violation",
    rescue="",
)
NOT_ACCEPTED = Meaning(
    "Grok did not accept this request.",
    "If it happens every time, Grok has changed and this program needs an update.",
    502,
    rescue="",
)
FORM_GONE = Meaning(
    "Grok does not know this form of chat.",
    "Set grok_web.chat_form to the other form, or to auto.",
    502,
    rescue="",
)
OTHER_FORM = replace(
    FORM_GONE,
    account=AccountAfter(noted=False),
    tries=(),
    rescue="first one",
    alone=(),
    warnings=("message gateway is gone, using the older form",),
)
OVERLOADED = Meaning(
    "Grok is too busy to answer; neither the account nor the connection is at fault.",
    "Try again in a minute, or use another model.",
    503,
    code="overloaded",
    tries=("first one", "first one"),
    alone=("first one", "first one"),
)
TROUBLE = Meaning(
    "Grok's servers have a problem of their own; the account is fine.", "Try again in a minute.", 502
)
HOPELESS = Meaning(
    "Grok has a problem of its own, and says that asking again does not help.",
    "Ask something else, or try again much later.",
    502,
    rescue="",
)
SERVERS_SLOW = Meaning("Grok's servers took too long to answer.", "Try again.", 504, code="timeout")
WITHHELD = replace(
    REFUSED,
    message="Grok made a picture and withheld it because of its content; the account is fine.",
    hint="Describe something else.",
)
BROKE_OFF = Meaning("Grok broke off its answer with an error of its own.", "Try again.", 502)

SOLVED = replace(
    CHALLENGED,
    way=WayAfter(EgressOutcome.CHALLENGED, standing=Standing.CLEARED),
    rescue="first one",
    alone=(),
    warnings=("clearance needed",),
)
USELESS = replace(
    CHALLENGED,
    message=f"{CHALLENGED.message} The solver's new clearance did not help.",
    way=WayAfter(EgressOutcome.CHALLENGED, 30, Standing.CLEARED),
    tries=("first one", "first one"),
    rescue="second two",
    alone=("first one", "first one"),
    warnings=("clearance needed", "clearance did not help", "egress rests", "egress moved"),
    alone_warnings=None,
)
UNSOLVED = Meaning(
    "The Cloudflare solver could not pass the check.",
    "Try another proxy, or paste cookies from your browser under Network.",
    503,
    code="upstream_challenge",
    way=WayAfter(EgressOutcome.CHALLENGED, 30, Standing.NEEDED),
    rescue="",
    retry_after_s=30,
    warnings=("clearance needed", "clearance not renewed", "egress rests"),
    written=CHALLENGED.message,
)
FORGOTTEN = Meaning(
    "Grok does not know this conversation any more.",
    "Ask again.",
    502,
    account=AccountAfter(noted=False),
    tries=(),
    rescue="first one",
    alone=(),
)
LEFT = Meaning("", "", 0, "", "", account=AccountAfter(noted=False), tries=(), rescue="first one", alone=())
STOPPED_BY_OWNER = Meaning(
    "The owner of this gateway stopped this request.",
    "Send it again if it is still wanted.",
    503,
    code="stopped_by_owner",
    account=AccountAfter(noted=False),
    tries=(),
    rescue="first one",
    alone=(),
)
EMPTY = Meaning("Grok sent an empty answer.", "Ask again.", 502, account=AccountAfter(rests_s=30))
GARBLED = replace(EMPTY, message="Grok's answer broke off in the middle.")
OTHER_CONVERSATION = replace(
    EMPTY, message="Grok opened another conversation than the one that was asked for."
)
BROKEN = replace(
    CHALLENGED,
    message="The connection to grok.com broke in the middle of the answer.",
    hint="Try again; if it repeats, test the connection under Network.",
    status=502,
    code="upstream_unreachable",
    way=WayAfter(EgressOutcome.UNREACHABLE, 30),
)
BROKEN_OFF = replace(
    BROKEN, message="The connection to Grok broke before the answer was complete.", hint="Try again."
)
SILENT = Meaning(
    "Grok did not begin to answer: nothing came for 120 seconds.",
    "Try again; if it repeats, test the connection under Network.",
    504,
    code="timeout",
)
SILENT_LATER = replace(
    SILENT, message="Grok stopped in the middle of its answer: nothing came for 120 seconds."
)
DEAD_WAY = replace(
    BROKEN,
    message="The proxy cannot be reached.",
    hint="Check the proxy's address under Network.",
    alone=(),
)
DEAD_WAYS = replace(
    DEAD_WAY,
    tries=("first one", "first two"),
    rescue="",
    warnings=("egress rests", "egress moved", "egress rests"),
)
NOT_PUT = replace(EMPTY, message="Grok did not say where it put the attachment.", hint="")
FILE_REFUSED = replace(
    NOT_ACCEPTED,
    message="Grok does not accept this attachment.",
    hint="Send another file format.",
    status=400,
    type="invalid_request_error",
    code="invalid_value",
    account=AccountAfter(noted=False),
)
TOO_LARGE = replace(
    NOT_ACCEPTED,
    message="This is too large for Grok.",
    hint="Send less: a shorter conversation, or smaller attachments.",
)
ASKED_TOO_OFTEN = replace(
    LIMITED,
    message="Grok does not want to be asked so often by this account.",
    hint="Try again in a few minutes.",
    account=AccountAfter(rests_s=30),
    retry_after_s=30,
)
NO_IDENTITY = replace(
    EMPTY,
    message="Grok did not say whose account this is.",
    hint="Check the account at grok.com, or try again later.",
)
NO_USER_ID = replace(
    EMPTY,
    message=(
        "Grok did not tell the user id of this account, without which its current chat cannot be opened."
    ),
    hint="Set grok_web.chat_form to rest or auto.",
)

# --- the cases ----------------------------------------------------------------------------------------------

_SIGNED_OUT_BODIES: Final = {
    "invalid-credentials": {
        "code": 16,
        "message": "Invalid credentials [WKE=unauthenticated:invalid-credentials]",
        "details": [],
    },
    "bad-credentials": {"error": {"code": "bad-credentials", "message": "Failed to look up session ID"}},
    "bad credentials in words": {"error": {"message": "Failed to look up session ID"}},
    "session not found": {"code": 3, "message": "Session not found", "details": []},
    "token revoked": {"code": 3, "message": "Token revoked", "details": []},
    "token expired": {"code": 3, "message": "TOKEN EXPIRED", "details": []},
}
_BLOCKED_BODIES: Final = {
    "in the message": {
        "code": 7,
        "message": "User is blocked [WKE=unauthorized:blocked-user]",
        "details": [],
    },
    "in the code": {"code": "unauthorized:blocked-user", "error": "Permission denied"},
    "in the error": {"code": 7, "error": "User is blocked"},
    "in the code of the error": {"error": {"code": "unauthorized:blocked-user", "message": "No."}},
    "in the message of the error": {"error": {"code": 7, "message": "This user is blocked."}},
    "in the error of the error": {"error": {"code": 7, "error": "blocked-user"}},
    "the address of the mail": {
        "code": 7,
        "message": "Email domain rejected [WKE=unauthorized:email-domain-rejected]",
        "details": [],
    },
    "suspended": {"code": 3, "message": "Account suspended", "details": []},
}
ACCOUNT: Final = Section(
    "The account is signed out or blocked",
    "Grok refuses the account itself, whoever asks what. It leaves the rotation, at once and after every "
    "restart, and another account answers. The words are looked for in `code`, `message` and `error`; what Grok "
    "quotes in `details` is not searched.",
    (
        *(
            Case(f"{status}, {name}", refused(status, body), SIGNED_OUT)
            for status in (400, 401, 403)
            for name, body in _SIGNED_OUT_BODIES.items()
        ),
        Case("401 that says nothing", refused(401), SIGNED_OUT),
        Case("401 in plain text", refused(401, "Unauthorized"), SIGNED_OUT),
        Case(
            "led to the page for signing in",
            refused(302, headers={"Location": "https://accounts.x.ai/sign-in?redirect=grok-com"}),
            SIGNED_OUT,
        ),
        *(
            Case(f"{status}, blocked, {name}", refused(status, body), BLOCKED)
            for status in (400, 401, 403)
            for name, body in _BLOCKED_BODIES.items()
        ),
    ),
)

_TEAM_RATE: Final = (
    "Too many requests for team 7b0c1f8e-2f6a-4a39-9a51-5d0d3c9b1e77 and model grok-4. "
    "Requests per Second (actual/limit): 2/2. Resets in: 1s"
)
LIMITS: Final = Section(
    "Out of questions, or of credits",
    "Only the kind of answer that was asked for (fast, auto, expert, heavy) rests, until the time Grok names, or "
    "until the count is full again; the account's other kinds still answer. Whether it was used up or only "
    "asked too fast is asked of Grok soon after, for this account alone.",
    (
        Case("429", limited(), LIMITED),
        Case("429 with a time in seconds", limited(120), LIMITED_TWO_MINUTES),
        Case("429 with a time as a date", limited(IN_TWO_MINUTES), LIMITED_TWO_MINUTES),
        Case("429 with a time nobody can read", limited("soon"), LIMITED),
        Case("429 that says nothing", refused(429), LIMITED),
        Case("429 of a team", refused(429, {"code": 8, "message": _TEAM_RATE, "details": []}), LIMITED),
        Case("402", out_of_credits(), SPENT),
        Case("402 that says nothing", refused(402), SPENT),
        *(
            Case(f"403, {words}", refused(403, {"code": 7, "message": words}), SPENT)
            for words in (
                "personal-team-blocked:spending-limit",
                "subscription:free-usage-exhausted",
                "You have used all the included free usage for model grok-4.",
                "You have run out of credits.",
                "Usage balance exhausted.",
            )
        ),
    ),
)

_PAGE: Final = "<!DOCTYPE html><html><head><title>Attention</title></head><body>Sorry.</body></html>"
_TEXT: Final = {"Content-Type": "text/plain"}
_DENIED: Final = {"code": 7, "message": "Permission denied", "details": []}
ON_THE_WAY: Final = Section(
    "Stopped on the way",
    "A 403 has at least five meanings. These say that Cloudflare, or Grok's own check of browsers, did not like "
    "the connection: the account is left in peace and the way out rests. With another way out the same account "
    "goes there at once; with none, the other accounts are tried.",
    (
        Case("Cloudflare's page", challenge(), CHALLENGED),
        Case("Cloudflare's page with a 503", challenge(status=503), CHALLENGED),
        Case("any page with a 403", refused(403, _PAGE), CHALLENGED),
        Case("a page with a 429", refused(429, _PAGE), CHALLENGED),
        Case("an empty 403", plain_forbidden(empty_body=True), CHALLENGED),
        Case(
            "Cloudflare's header alone",
            refused(403, {"message": "Forbidden"}, {"cf-mitigated": "challenge"}),
            CHALLENGED,
        ),
        *(
            Case(f"a text with {mark}", refused(403, mark, _TEXT), CHALLENGED)
            for mark in ("Just a moment...", "/cdn-cgi/challenge-platform/h/b", "__cf_chl_opt", "cf-chl-x")
        ),
        Case("403, anti-bot rules", antibot(), ROBOT),
        Case(
            "403, the signature is too old",
            refused(403, "This page is out of date, please reload.", _TEXT),
            ROBOT,
        ),
        Case("403 that gives no reason", plain_forbidden(), STOPPED),
        Case("403 with the mark of a block in its details", block_only_in_details(), STOPPED),
        Case("403 for a mode above the tier", Script(refusal=faults.ABOVE_TIER), STOPPED),
        Case("403 in plain text", refused(403, "Forbidden", _TEXT), STOPPED),
    ),
)
GOOD_WAY: Final = Section(
    "Refused on a way that works for others",
    "The same without a reason, while another account was answered there within the last minute: then the way "
    "out is not to blame and stays in use, and another account is asked.",
    (
        Case("403, anti-bot rules", antibot(), on_a_good_way(ROBOT), scene=Scene.VOUCHED),
        Case("403 that gives no reason", plain_forbidden(), on_a_good_way(STOPPED), scene=Scene.VOUCHED),
        Case(
            "403 for a mode above the tier",
            Script(refusal=faults.ABOVE_TIER),
            on_a_good_way(STOPPED),
            scene=Scene.VOUCHED,
        ),
        Case("Cloudflare's page", challenge(), CHALLENGED, scene=Scene.VOUCHED),
    ),
)

SOLVED_VAGUE = replace(
    STOPPED,
    way=WayAfter(EgressOutcome.REFUSED, standing=Standing.CLEARED),
    rescue="first one",
    alone=(),
    warnings=SOLVED.warnings,
)
SOLVER: Final = Section(
    "Cloudflare, with a solver",
    "With a solver the way out is not left: one clearance is fetched for all who wait, and the same account "
    "goes on with it.",
    (
        Case("Cloudflare's page", challenge(), SOLVED, scene=Scene.SOLVER),
        Case("403 that gives no reason", plain_forbidden(), SOLVED_VAGUE, scene=Scene.SOLVER),
        Case("Cloudflare's page again", challenge(), USELESS, scene=Scene.SOLVER),
        Case("Cloudflare's page, and the solver fails", challenge(), UNSOLVED, scene=Scene.SOLVER_FAILS),
    ),
)

CONTENT: Final = Section(
    "The request itself",
    "Nobody is to blame but the request: nobody else is asked, no account and no way out is held back.",
    (
        *(
            Case(f"403, {name}", refused(403, body), REFUSED)
            for name, body in {
                "unsafe": {"code": 7, "message": "Content violates usage guidelines.", "details": []},
                "a safety check": {"code": 7, "message": "SAFETY_CHECK_TYPE_DEMO"},
                "content-moderated": {"error": {"code": "content-moderated", "message": "rejected"}},
                "content policy": {"error": {"message": "Against our content policy."}},
                "content moderation": {"error": "Stopped by content moderation."},
                "by policy": {"message": "Request rejected by policy."},
            }.items()
        ),
        Case("403, unsafe, in an envelope", safety(), REFUSED),
        Case(
            "400, unsafe", refused(400, {"error": {"message": "Content violates usage guidelines"}}), REFUSED
        ),
        Case("a picture that is withheld", moderated(""), WITHHELD),
        Case("400", refused(400, {"code": 3, "message": "Invalid request", "details": []}), NOT_ACCEPTED),
        Case("400 that says nothing", refused(400), NOT_ACCEPTED),
        *(
            Case(f"403, {code}", refused(403, {"error": {"code": code, "message": "No."}}), NOT_ACCEPTED)
            for code in (
                "invalid_argument",
                "invalid_parameters",
                "invalid_params",
                "invalid_request",
                "bad_request",
                "unauthorized:dpop-required",
            )
        ),
        Case(
            "403, zero data retention",
            refused(403, {"message": "Not with zero data retention."}),
            NOT_ACCEPTED,
        ),
        *(
            Case(f"{status}", refused(status, {"code": 3, "message": "No."}), NOT_ACCEPTED)
            for status in (408, 409, 415, 418, 422, 425, 451)
        ),
        Case("413", refused(413, "Payload too large", _TEXT), TOO_LARGE),
        Case("led elsewhere", refused(302, headers={"Location": "https://grok.com/elsewhere"}), NOT_ACCEPTED),
    ),
)

_NOT_FOUND: Final = {"code": 5, "message": "Not Found", "details": []}
FORM: Final = Section(
    "The form of chat is not known",
    "Grok's chat has two forms, `gateway` and `rest`. With `grok_web.chat_form = auto` the other one is used "
    "for an hour, and the client hears nothing; with one of them fixed, it hears of it.",
    (
        *(Case(f"{status}", refused(status, _NOT_FOUND), FORM_GONE) for status in (404, 405, 410, 426, 501)),
        *(
            Case(f"a handshake that ends with {status}", refused(status), FORM_GONE, forms=GATEWAY)
            for status in (200, 202, 204)
        ),
        Case("404, and the form is not fixed", refused(404), OTHER_FORM, forms=GATEWAY, scene=Scene.AUTO),
    ),
)

TROUBLE_OF_GROK: Final = Section(
    "Grok's own trouble",
    "Neither the account nor the way out is at fault. An overloaded Grok is asked once more with the same "
    "account, so that a conversation stays where it is; then others are.",
    (
        Case("503", overloaded(), OVERLOADED),
        Case("503 that says nothing", refused(503), OVERLOADED),
        Case("529", refused(529), OVERLOADED),
        Case("500, overloaded", refused(500, {"code": 13, "message": "The model is overloaded"}), OVERLOADED),
        *(Case(f"{status}, a page", server_error(status), TROUBLE) for status in (500, 502, 520, 521, 525)),
        Case("500", refused(500, {"code": 13, "message": "Internal error", "details": []}), TROUBLE),
        *(Case(f"{status}", server_error(status), SERVERS_SLOW) for status in (504, 522, 524)),
        Case(
            "500, and not to be asked again",
            refused(500, {"message": "Internal error"}, {"X-Should-Retry": "false"}),
            HOPELESS,
        ),
    ),
)

Spot = Literal["top", "response", "model_response"]
SPOTS: Final[tuple[Spot, ...]] = ("top", "response", "model_response")


def told_at(spot: Spot, code: int | str, message: str, **extra: object) -> Callable[[int], Script]:
    """An error at a spot of an answer: in time before the first word, or well after some."""

    def script(after: int) -> Script:
        return _late(after) + stream_error(code, message, place=spot, after=after, **extra)

    return script


def framed(frame: object) -> Callable[[int], Script]:
    """A frame as it stands."""

    def script(after: int) -> Script:
        return _late(after) + raw([orjson.dumps(frame)])

    return script


def _late(after: int) -> Script:
    """So many words, and so much time that they have been passed on."""
    return text("one two") + stall(0.05, after=after) if after else Script()


def _stream_errors(error: object) -> object:
    return {"result": {"response": {"modelResponse": {"responseId": "m1", "streamErrors": [error]}}}}


def _done(status: str) -> object:
    return {"type": "response.done", "response": {"id": "r1", "status": status}}


def cut(*, politely: bool) -> Callable[[int], Script]:
    """The connection ends: broken, or closed in good order."""
    return lambda after: _late(after) + cut_after(after, politely=politely)


def fading(after: int) -> Script:
    """Nothing more after some words."""
    return text("one two three") + stall(None, after=after)


def fading_or_silent(after: int) -> Script:
    """Nothing at all, or nothing more after some words."""
    return text("one two three") + stall(None, after=after) if after else stall(None)


STREAM: Final = Section(
    "An error inside an answer",
    "Grok may accept a question with 200 and then break off. Before the first word that is the same as a "
    "refusal. Once a word has gone out nothing is tried again: the client keeps what it has, and hears the same "
    "sentence at the end of the stream.",
    (
        *(
            Case(f"{name}, {spot}", told_at(spot, code, message), meaning)
            for spot in SPOTS
            for name, code, message, meaning in (
                ("code 8", 8, "Too many requests", LIMITED),
                ("a rate limit in words", 2, "The rate limit is reached.", LIMITED),
                ("a usage limit in words", 2, "You've reached your usage limit for now.", LIMITED),
                ("a usage quota in words", 2, "The usage quota is spent.", LIMITED),
                ("credits", 2, "You have run out of credits.", SPENT),
                ("anti-bot rules", 2, "Request rejected by anti-bot rules.", ROBOT),
                ("signed out", 2, "Failed to look up session ID", SIGNED_OUT),
                ("blocked", 2, "User is blocked [WKE=unauthorized:blocked-user]", BLOCKED),
                ("unsafe", 2, "Content violates usage guidelines.", REFUSED),
                ("overloaded", 2, "The model is overloaded, try again", OVERLOADED),
                ("a failure without a name", 2, "Generation failed", BROKE_OFF),
            )
        ),
        *(
            Case(f"{name}, {spot}", told_at(spot, code, "It did not work."), meaning)
            for spot in SPOTS[:2]
            for name, code, meaning in (
                ("the code rate_limited", "rate_limited", LIMITED),
                ("the code bad-credentials", "bad-credentials", SIGNED_OUT),
                ("code 4", 4, SERVERS_SLOW),
                ("code 7", 7, ROBOT),
                ("code 13", 13, OVERLOADED),
                ("code 14", 14, OVERLOADED),
                ("code 16", 16, SIGNED_OUT),
            )
        ),
        *(
            Case(name, told_at("response", 2, "It did not work.", **extra), meaning)
            for name, extra, meaning in (
                ("the kind rate_limited", {"kind": "rate_limited"}, LIMITED),
                ("the reason usage_limit", {"details": {"reason": "usage_limit"}}, LIMITED),
                ("globalRateLimit", {"globalRateLimit": {}}, LIMITED),
                ("usageLimitReached", {"usageLimitReached": {}}, LIMITED),
                ("usagePoolExhausted", {"usagePoolExhausted": {}}, LIMITED),
                ("a block that is only quoted", {"details": ["blocked-user"]}, BROKE_OFF),
            )
        ),
        Case(
            "a usage limit of a mode", lambda after: _late(after) + usage_limit_reached(after=after), LIMITED
        ),
        *(
            Case(name, framed(frame), meaning, forms=REST)
            for name, frame, meaning in (
                ("a text in place of the error", {"error": "Too many requests"}, LIMITED),
                ("an error in the error", {"error": {"error": "Rate limit"}}, LIMITED),
                ("a status in place of a frame", {"code": 8, "message": "No.", "details": []}, LIMITED),
                ("a text among streamErrors", _stream_errors("usage limit"), LIMITED),
                ("an error among streamErrors", _stream_errors({"error": {"code": 8}}), LIMITED),
            )
        ),
        *(
            Case(name, framed({"event": event}), meaning, forms=GATEWAY)
            for name, event, meaning in (
                ("an error event that is a text", {"type": "error", "error": "Too many requests"}, LIMITED),
                ("an error event with its own message", {"type": "error", "message": "Rate limit"}, LIMITED),
                (
                    "an output that is a text",
                    {"type": "response.grok.output", "output": {"stream_error": "Too many requests"}},
                    LIMITED,
                ),
                ("done, but not completed", _done("failed"), BROKE_OFF),
                ("done, but incomplete", _done("incomplete"), BROKE_OFF),
                ("done, but cancelled", _done("cancelled"), BROKE_OFF),
                ("the session has ended", {"type": "session.ended"}, BROKE_OFF),
            )
        ),
        Case(
            "the conversation is not known any more",
            stream_error(5, "Conversation not found", place="response", kind="conversation_not_found"),
            FORGOTTEN,
            forms=GATEWAY,
            scene=Scene.CONTINUED,
        ),
    ),
)

NOTHING: Final = Section(
    "No answer, or none that can be read",
    "An account that answers with nothing or with nonsense rests for 30 seconds, twice as long with every "
    "further time in a row, half an hour at most; then one question tries it. A connection that breaks is the "
    "affair of the way out.",
    (
        Case("a stream that says nothing", empty(), EMPTY),
        Case("not one byte", empty(zero_bytes=True), EMPTY, forms=REST),
        Case("a line that is no JSON", garbage("text"), EMPTY, forms=REST),
        Case("bytes that are no text", garbage("binary"), EMPTY, forms=REST),
        Case("an object that does not end", garbage("half"), GARBLED, forms=REST),
        Case("another conversation than asked for", wrong_attached_id(), OTHER_CONVERSATION, forms=GATEWAY),
        *(
            Case(f"{name}, and then the end", script, BROKEN_OFF, forms=GATEWAY)
            for name, script in (
                ("not one byte", empty(zero_bytes=True)),
                ("a message that is no JSON", garbage("text")),
                ("a message that is no text", garbage("binary")),
                ("half an object", garbage("half")),
            )
        ),
        Case("the connection breaks", cut(politely=False), BROKEN, forms=REST),
        Case("the connection breaks", cut(politely=False), BROKEN_OFF, forms=GATEWAY),
        Case("the connection is closed too early", cut(politely=True), BROKEN_OFF, forms=GATEWAY),
        Case("the body ends too early", cut_after(0, politely=True), EMPTY, forms=REST),
        Case("silence before any answer", stall(None, at="open"), SILENT, scene=Scene.IMPATIENT),
        Case(
            "silence after the question was taken",
            stall(None, at="acks"),
            SILENT,
            scene=Scene.IMPATIENT,
        ),
        Case("silence after a word", fading, SILENT_LATER, forms=GATEWAY, scene=Scene.IMPATIENT),
    ),
)

WAYS: Final = Section(
    "The way itself does not work",
    "A proxy that cannot be reached, or breaks its connections, costs no account anything: the same account "
    "goes on over the next one.",
    (
        Case("a proxy breaks every connection", text("From the first."), DEAD_WAY, scene=Scene.WAY_DEAD),
        Case(
            "every proxy breaks every connection", text("From the first."), DEAD_WAYS, scene=Scene.WAYS_DEAD
        ),
    ),
)

UPLOADS: Final = Section(
    "An attachment",
    "Files are uploaded before the question is asked, with the same account and on the same way. What goes "
    "wrong there means the same as in the chat.",
    (
        *(
            Case(name, script, meaning, place=Place.UPLOAD)
            for name, script, meaning in (
                ("signed out", expired(), SIGNED_OUT),
                ("400, signed out", expired_400("token-revoked"), SIGNED_OUT),
                ("blocked", blocked(), BLOCKED),
                ("Cloudflare's page", challenge(), CHALLENGED),
                ("anti-bot rules", antibot(), ROBOT),
                ("no reason", plain_forbidden(), STOPPED),
                (
                    "withheld",
                    refused(403, {"error": {"code": "content-moderated", "message": "rejected"}}),
                    REFUSED,
                ),
                ("limited", limited(), LIMITED),
                ("too large for Grok", refused(413, "Payload too large", _TEXT), TOO_LARGE),
                ("gone", refused(404, _NOT_FOUND), NOT_ACCEPTED),
                ("overloaded", overloaded(), OVERLOADED),
                ("trouble", server_error(502), TROUBLE),
                ("taken, but where to", refused(200, {}), NOT_PUT),
                ("taken, and refused", refused(200, {"terminalError": "unsupported"}), FILE_REFUSED),
            )
        ),
    ),
)

IDENTITY: Final = Section(
    "Who the account is",
    "The `gateway` form needs the user id of the account, which is asked for once.",
    (
        *(
            Case(name, script, meaning, forms=GATEWAY, place=Place.IDENTITY, path="/api/auth/session")
            for name, script, meaning in (
                ("401", expired(), SIGNED_OUT),
                ("the status unauthenticated", refused(200, {"status": "unauthenticated"}), SIGNED_OUT),
                (
                    "the status blocked",
                    refused(200, {"status": "Blocked", "session": {"userId": "x"}}),
                    BLOCKED,
                ),
                ("Cloudflare's page", challenge(), CHALLENGED),
                ("404", refused(404), FORM_GONE),
                ("429", limited(), ASKED_TOO_OFTEN),
                ("502", server_error(502), TROUBLE),
                ("no id and no address", refused(200, {}), NO_IDENTITY),
                ("an id that is none", refused(200, {"userId": "x", "email": "ada@example.org"}), NO_USER_ID),
            )
        ),
    ),
)


def in_an_act(meaning: Meaning, *, check: bool = False) -> Meaning:
    """What a failure means where nobody asks a question: only what is said of the account itself changes it.

    `check` says that it was asked what it is and has left, which then is not known.
    """
    lost = meaning.account.status is not Status.ACTIVE
    return replace(
        meaning,
        status=0,
        type="",
        code="",
        account=AccountAfter(
            meaning.account.status, noted=lost or (meaning.account.noted and not check), unchecked=check
        ),
        tries=meaning.alone[:1] if check and meaning is OVERLOADED else meaning.alone or meaning.tries,
        rescue="",
        alone=(),
        retry_after_s=None,
        warnings=meaning.warnings if meaning.alone_warnings is None else meaning.alone_warnings,
    )


UNCHANGED = Meaning("", "", 0, "", "", account=AccountAfter(noted=False), rescue="", alone=())
_BASIC: Final = "A basic account with 30 of 30 fast left."
_SESSION, _RATE_LIMITS = "/api/auth/session", "/rest/rate-limits"
_QUOTA_INFO: Final = "/rest/media/imagine/quota_info"
_CREDITS: Final = "/grok_api_v2.GrokBuildBilling/GetGrokCreditsConfig"
_SUPER: Final = (
    "A super account with 50 of 50 auto, 140 of 140 fast, 50 of 50 expert and 50 of 50 grok_4_3 left."
)


def _status(code: int, message: str) -> Script:
    """A gRPC status in an answer of 200 (protocol/grok-web-chat.md §18.4)."""
    return refused(200, grpc_web.trailers(code, message), {"Content-Type": "application/grpc-web+proto"})


CHECKS: Final = Section(
    "A check of an account",
    "What one call does not tell is left out, and numbers known before stay. Only a refusal of the account "
    "itself changes what it may do; a check that failed is repeated by itself, after five minutes, then ten, and "
    "so on.",
    (
        *(
            Case(
                f"{name}, {path}", script, in_an_act(meaning, check=True), REST, place=Place.CHECK, path=path
            )
            for path in (_SESSION, _RATE_LIMITS, _QUOTA_INFO)
            for name, script, meaning in (
                ("signed out", expired(), SIGNED_OUT),
                ("400, signed out", expired_400("session-not-found"), SIGNED_OUT),
                ("blocked", blocked(), BLOCKED),
                ("blocked, by its code", blocked(string_code=True), BLOCKED),
                ("Cloudflare's page", challenge(), CHALLENGED),
                ("anti-bot rules", antibot(), ROBOT),
                ("no reason", plain_forbidden(), STOPPED),
                ("overloaded", overloaded(), OVERLOADED),
            )
        ),
        Case(
            "the status unauthenticated",
            refused(200, {"status": "unauthenticated"}),
            in_an_act(SIGNED_OUT, check=True),
            REST,
            place=Place.CHECK,
            path=_SESSION,
        ),
        Case(
            "the status blocked",
            refused(200, {"status": "blocked", "session": {"userId": "x"}}),
            in_an_act(BLOCKED, check=True),
            REST,
            place=Place.CHECK,
            path=_SESSION,
        ),
        Case(
            "429 of the counts",
            limited(),
            in_an_act(ASKED_TOO_OFTEN, check=True),
            REST,
            place=Place.CHECK,
            path=_RATE_LIMITS,
        ),
        Case(
            "502 of the counts",
            server_error(502),
            in_an_act(TROUBLE, check=True),
            REST,
            place=Place.CHECK,
            path=_RATE_LIMITS,
        ),
        *(
            Case(f"{name}, {path}", script, UNCHANGED, REST, place=Place.CHECK, path=path, said=_BASIC)
            for path in (_SESSION, _QUOTA_INFO)
            for name, script in (
                ("404", refused(404, _NOT_FOUND)),
                ("429", limited()),
                ("502", server_error(502)),
                ("not to be read", refused(200, b"[")),
            )
        ),
        *(
            Case(name, script, meaning, REST, place=Place.CHECK, path=_CREDITS, tier="super", said=said)
            for name, script, meaning, said in (
                ("401 of the week", expired(), in_an_act(SIGNED_OUT, check=True), ""),
                (
                    "status 16 of the week",
                    _status(16, "Session expired"),
                    in_an_act(SIGNED_OUT, check=True),
                    "",
                ),
                ("Cloudflare's page for the week", challenge(), in_an_act(CHALLENGED, check=True), ""),
                ("429 of the week", limited(), UNCHANGED, _SUPER),
                ("502 of the week", server_error(502), UNCHANGED, _SUPER),
                ("status 7 of the week", _status(7, "Permission denied"), UNCHANGED, _SUPER),
            )
        ),
    ),
)

_TERMS: Final = "/auth_mgmt.AuthManagement/SetTosAcceptedVersion"
_PRODUCT_TERMS, _BIRTH_DATE = "/rest/auth/set-tos-accepted", "/rest/auth/set-birth-date"
_FEATURES: Final = "/auth_mgmt.AuthManagement/UpdateUserFeatureControls"
_ALL_DONE: Final = "Terms accepted, date of birth told, adult content is shown."


def _acts(place: Place, path: str, *cases: tuple[str, Script, Meaning], said: str = "") -> tuple[Case, ...]:
    return tuple(
        Case(
            f"{name}, {place.value} {path}".rstrip(), script, meaning, REST, place=place, path=path, said=said
        )
        for name, script, meaning in cases
    )


LISTED = replace(UNCHANGED, message="Grok says that the {thing} is gone, and lists it all the same.")


def _one_left(place: Place, meaning: Meaning) -> Meaning:
    """What is told of a deletion that fails for one thing, where others may not."""
    thing, why = place.value, in_an_act(meaning)
    said = f"0 {thing}s deleted, 1 could not be: {meaning.message.format(thing=thing)}"
    written = why.message if why.account.noted else ""
    return replace(why, message=said, hint="Start it again later to delete the rest.", written=written)


_ANY_ACT: Final = (
    ("signed out", expired(), in_an_act(SIGNED_OUT)),
    ("403, signed out", expired_400("token-revoked", status=403), in_an_act(SIGNED_OUT)),
    ("blocked", blocked(), in_an_act(BLOCKED)),
    ("Cloudflare's page", challenge(), in_an_act(CHALLENGED)),
    ("no reason", plain_forbidden(), in_an_act(STOPPED)),
    ("429", limited(), in_an_act(ASKED_TOO_OFTEN)),
    ("503", overloaded(), in_an_act(OVERLOADED)),
    ("502", server_error(502), in_an_act(TROUBLE)),
    ("400", refused(400, {"code": 3, "message": "Invalid request"}), in_an_act(NOT_ACCEPTED)),
)
ACTS: Final = Section(
    "Something that is done to an account",
    "Terms, date of birth, adult content, files, conversations. A limit of such calls says nothing about "
    "questions.",
    (
        *(
            case
            for path in (_TERMS, _PRODUCT_TERMS, _BIRTH_DATE, _FEATURES)
            for case in _acts(Place.ADULT, path, *_ANY_ACT)
        ),
        *(
            case
            for path in (_TERMS, _FEATURES)
            for case in _acts(
                Place.ADULT,
                path,
                ("200 with status 16", _status(16, "Session expired"), in_an_act(SIGNED_OUT)),
                ("200 with status 8", _status(8, "Too many requests"), in_an_act(ASKED_TOO_OFTEN)),
                ("200 with status 7", _status(7, "Permission denied"), in_an_act(ROBOT)),
                ("200 with status 14", _status(14, "Unavailable"), in_an_act(OVERLOADED)),
                ("200 with status 2", _status(2, "Unknown"), in_an_act(BROKE_OFF)),
            )
        ),
        *_acts(
            Place.ADULT,
            _BIRTH_DATE,
            ("the date is set already", Script(refusal=faults.BIRTH_DATE_SET), UNCHANGED),
            said="Terms accepted, the date of birth Grok had already stays, adult content is shown.",
        ),
        *_acts(
            Place.FILES, "/rest/assets", *_ANY_ACT, ("404", refused(404, _NOT_FOUND), in_an_act(NOT_ACCEPTED))
        ),
        *_acts(Place.CONVERSATIONS, "/rest/app-chat/conversations", *_ANY_ACT),
        *(
            case
            for place in (Place.FILE, Place.CONVERSATION)
            for case in _acts(
                place,
                "",
                *_ANY_ACT[:-2],
                ("502", server_error(502), _one_left(place, TROUBLE)),
                (
                    "400",
                    refused(400, {"code": 3, "message": "Invalid request"}),
                    _one_left(place, NOT_ACCEPTED),
                ),
                ("404, and it is listed all the same", refused(404, _NOT_FOUND), _one_left(place, LISTED)),
            )
        ),
    ),
)

LEAVING: Final = Section(
    "The client hangs up",
    "Nobody is waiting any more: Grok sees it at once, and it costs neither the account nor the way out "
    "anything.",
    (
        Case(
            "the client hangs up, before or after the first word", fading_or_silent, LEFT, scene=Scene.LEAVES
        ),
    ),
)

STOPPING: Final = Section(
    "You stop a request",
    "With the button in Requests, or with Ctrl+. there. The client hears it at once, also in the middle of an "
    "answer, and is asked not to try again by itself; it costs neither the account nor the way out anything.",
    (
        Case(
            "you stop the request, before or after the first word",
            fading_or_silent,
            STOPPED_BY_OWNER,
            scene=Scene.STOPPED,
        ),
    ),
)

SECTIONS: Final[tuple[Section, ...]] = (
    ACCOUNT,
    LIMITS,
    ON_THE_WAY,
    GOOD_WAY,
    SOLVER,
    WAYS,
    CONTENT,
    FORM,
    TROUBLE_OF_GROK,
    STREAM,
    NOTHING,
    UPLOADS,
    IDENTITY,
    CHECKS,
    ACTS,
    LEAVING,
    STOPPING,
)
