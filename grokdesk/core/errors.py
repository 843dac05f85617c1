"""The one error tree.

```
GrokDeskError
├─ InvalidRequest(param)        the client asked for something impossible
│  ├─ ModelNotFound · NotFound · NotReady · TooLarge · Unsupported
├─ NotAllowed                   missing or wrong client key, host or origin
├─ NoAccount(retry_after)       nothing free, or nothing at all (says which)
├─ StoppedByOwner               the owner of the gateway ended the request
├─ UpstreamError                the upstream, or the way to it
│  ├─ RateLimited   ├─ AccountRejected   ├─ Challenged   ├─ Refused (moderation)   ├─ FormGone
│  │                                     │  ├─ TakenForRobot · Stopped · SingledOut · NoClearance
│  ├─ Overloaded    ├─ EmptyAnswer       ├─ Garbled      ├─ Unreachable            └─ UpstreamTimeout
│  │                                                     │  └─ NoWay
│  ├─ Incomplete    ├─ MayBeMade         └─ Undelivered    (pictures and films)
└─ Broken                       ours: storage, secrets, settings, bugs
```

`message` is for clients: no secret, no path, no upstream body. `hint` tells a person what to do. `detail` is
for logs.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, StrEnum
from typing import ClassVar

from grokdesk.core.accounts import Abandoned, Faulted, Limited, Noted, Outcome, Rejected, Status, Succeeded


class Again(Enum):
    """Whether another try may help, and on what."""

    NEVER = "never"
    OTHER_ACCOUNT = "other_account"
    OTHER_EGRESS = "other_egress"
    SAME = "same"


class EgressOutcome(StrEnum):
    """What a failure says about the way out.

    CHALLENGED is Cloudflare's page, ROBOT Grok's own check of browsers, REFUSED a 403 that does not say why.
    CLOSED: it was not used at all, because it is known not to work now.
    """

    FINE = "fine"
    CHALLENGED = "challenged"
    ROBOT = "robot"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CLOSED = "closed"


class GrokDeskError(Exception):
    """Anything that is explained to somebody."""

    title: ClassVar[str] = "Something went wrong"

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail


class InvalidRequest(GrokDeskError):
    """The client asked for something impossible. `param` is the dotted path of the field, or None."""

    title = "The request cannot be understood"

    def __init__(self, message: str, *, param: str | None = None, hint: str = "", detail: str = "") -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.param = param


class ModelNotFound(InvalidRequest):
    """No such model, or it is switched off."""

    title = "Unknown model"


class NotFound(InvalidRequest):
    """No such thing."""

    title = "Not found"


class NotReady(InvalidRequest):
    """It is being made."""

    title = "Not ready yet"


class TooLarge(InvalidRequest):
    """The body exceeds the limit."""

    title = "The request is too large"


class Unsupported(InvalidRequest):
    """Understood, but not possible here."""

    title = "Not supported"


class NotAllowed(GrokDeskError):
    """Missing or wrong client key."""

    title = "The key is not valid"


class ForbiddenOrigin(NotAllowed):
    """The host name or web origin is not on the owner's list."""

    title = "This address may not be used"


class NoAccount(GrokDeskError):
    """No account can serve the request now. `retry_after` in seconds when one will be ready by then."""

    title = "No account is free"

    def __init__(
        self, message: str, *, retry_after: float | None = None, hint: str = "", detail: str = ""
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.retry_after = retry_after


class StoppedByOwner(GrokDeskError):
    """The owner of this gateway ended the request while it was answered."""

    title = "Stopped by the owner"

    def __init__(
        self,
        message: str = "The owner of this gateway stopped this request.",
        *,
        hint: str = "Send it again if it is still wanted.",
        detail: str = "",
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)


class Broken(GrokDeskError):
    """Ours: storage, secrets, settings, or a bug."""

    title = "GrokDesk has a problem"


class UpstreamError(GrokDeskError):
    """The upstream, or the way to it, failed.

    `again` says whether and where another try makes sense; `egress` what it tells about the way out.
    `http_status` is what upstream answered with; 0 where it did not, or had begun with a 200.
    """

    title = "Grok did not answer"
    again: ClassVar[Again] = Again.OTHER_ACCOUNT
    egress: EgressOutcome = EgressOutcome.FINE
    http_status: int = 0

    def __init__(
        self, message: str, *, hint: str = "", detail: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.retry_after = retry_after

    @property
    def outcome(self) -> Outcome:
        """What it means for the account."""
        return Noted(self.message)


class RateLimited(UpstreamError):
    """The account's quota of this mode is used up, or it asks too fast."""

    title = "The account is out of questions"

    @property
    def outcome(self) -> Outcome:
        """The mode rests."""
        return Limited(self.message, self.retry_after)


class AccountRejected(UpstreamError):
    """Upstream refuses the account itself; `status` is EXPIRED (signed out) or BLOCKED."""

    title = "Grok refused the account"

    def __init__(self, message: str, *, status: Status, hint: str = "", detail: str = "") -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.status = status

    @property
    def outcome(self) -> Outcome:
        """The account leaves the rotation."""
        return Rejected(self.status, self.message)


class Challenged(UpstreamError):
    """Cloudflare or the anti-bot check stopped the request on the way. The account is fine."""

    title = "Stopped on the way to Grok"
    again = Again.OTHER_EGRESS
    egress = EgressOutcome.CHALLENGED


class TakenForRobot(Challenged):
    """Grok's own check of browsers stopped the request: the fingerprint, or the look of the connection."""

    egress = EgressOutcome.ROBOT


class Stopped(Challenged):
    """Refused with a 403 that does not say why; most often the way there is the cause."""

    egress = EgressOutcome.REFUSED


class SingledOut(Challenged):
    """Stopped on a way that others pass at the same time: it is this account that is not let through."""

    again = Again.OTHER_ACCOUNT
    egress = EgressOutcome.FINE

    @property
    def outcome(self) -> Outcome:
        """A fault: it rests, and then tries again with one request."""
        return Faulted(self.message)


class NoClearance(Challenged):
    """Cloudflare's check has to be passed first, and that did not succeed. Nobody was called.

    `everywhere` says that it would not on any other way out either: the solver itself is at fault.
    """

    egress = EgressOutcome.CLOSED

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        detail: str = "",
        retry_after: float | None = None,
        everywhere: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, detail=detail, retry_after=retry_after)
        self.everywhere = everywhere

    @property
    def outcome(self) -> Outcome:
        """Not the account's affair."""
        return Abandoned()


class Refused(UpstreamError):
    """Grok refuses this content. Says nothing about the account."""

    title = "Grok refused the content"
    again = Again.NEVER


class Withdrawn(Refused):
    """Grok made it and then withheld it: moderation of a picture or film."""

    title = "Grok withheld what it made"

    @property
    def outcome(self) -> Outcome:
        """Whether it counts is not known (protocol/grok-web-media.md §16)."""
        return Noted(self.message, unsure=True)


class Incomplete(UpstreamError):
    """Fewer pictures than were asked for. Those that were made are kept.

    `cause` is what came in between, if anything did; what that means for the account and the way out stands.
    """

    title = "Not all pictures were made"
    again = Again.NEVER

    def __init__(
        self,
        message: str,
        *,
        made: int,
        wanted: int,
        hint: str = "",
        detail: str = "",
        cause: UpstreamError | None = None,
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.made = made
        self.wanted = wanted
        self.cause = cause
        if cause is not None:
            self.egress = cause.egress
            self.http_status = cause.http_status

    @property
    def outcome(self) -> Outcome:
        """It did what it was asked for, and that is spent; unless the cause blames the account."""
        caused = Succeeded() if self.cause is None else self.cause.outcome
        return Succeeded() if isinstance(caused, Noted | Abandoned) else caused


class MayBeMade(UpstreamError):
    """The connection was lost after upstream may have begun a job: asking again may make it twice.

    `cause` is how it was lost; what that means for the account and the way out stands.
    """

    title = "It may still be made"
    again = Again.NEVER

    def __init__(self, cause: UpstreamError) -> None:
        super().__init__(
            f"{cause.message} Grok may have begun by then, so this was not repeated.",
            hint="Look at the files of the account before you ask again.",
            detail=cause.detail,
        )
        self.cause = cause
        self.egress = cause.egress
        self.http_status = cause.http_status

    @property
    def outcome(self) -> Outcome:
        """What the cause means, and that it may count."""
        caused = self.cause.outcome
        return replace(caused, unsure=True) if isinstance(caused, Noted) else caused


class Undelivered(UpstreamError):
    """It was made, and its file cannot be had."""

    title = "The file could not be fetched"
    again = Again.NEVER

    @property
    def outcome(self) -> Outcome:
        """The account has made it."""
        return Succeeded()


class FormGone(UpstreamError):
    """Upstream does not know this form of chat. The other form may work (decision 12)."""

    title = "This form of chat is not available"
    again = Again.NEVER


class Overloaded(UpstreamError):
    """Upstream is too busy. Worth one more try at once, then another account."""

    title = "Grok is overloaded"
    again = Again.SAME


class EmptyAnswer(UpstreamError):
    """Success with nothing in it."""

    title = "Grok sent an empty answer"

    @property
    def outcome(self) -> Outcome:
        """A fault."""
        return Faulted(self.message)


class NothingMade(EmptyAnswer):
    """A job for pictures or films came to its end with nothing to show.

    It may count all the same, so that no other account is asked for it.
    """

    title = "Grok made nothing"
    again = Again.NEVER

    @property
    def outcome(self) -> Outcome:
        """Most often it is what was asked for."""
        return Noted(self.message, unsure=True)


class Garbled(UpstreamError):
    """What came back is not what the protocol says."""

    title = "Grok's answer cannot be read"

    @property
    def outcome(self) -> Outcome:
        """A fault."""
        return Faulted(self.message)


class Unreachable(UpstreamError):
    """No connection, or it broke."""

    title = "Grok cannot be reached"
    again = Again.OTHER_EGRESS
    egress = EgressOutcome.UNREACHABLE


class NoWay(Unreachable):
    """The only way out that this account may take is known not to work now. Nobody was called."""

    again = Again.OTHER_ACCOUNT
    egress = EgressOutcome.CLOSED

    @property
    def outcome(self) -> Outcome:
        """Not the account's affair."""
        return Abandoned()


class UpstreamTimeout(UpstreamError):
    """Nothing came in time."""

    title = "Grok took too long"
