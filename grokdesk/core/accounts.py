"""What an account is, and how the outcome of a call changes it.

`after` is the only place that knows what an outcome means for an account. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NewType, assert_never

from grokdesk.core.secret import Secret

AccountId = NewType("AccountId", str)


class Mode(StrEnum):
    """How Grok is asked to think; the value is Grok's own name (protocol/grok-web-chat.md §7.2)."""

    AUTO = "auto"
    FAST = "fast"
    EXPERT = "expert"
    HEAVY = "heavy"
    GROK_4_3 = "grok-420-computer-use-sa"


class Tier(StrEnum):
    """What the account pays for. UNKNOWN is a real state and is served like BASIC."""

    UNKNOWN = "unknown"
    BASIC = "basic"
    SUPER = "super"
    HEAVY = "heavy"


class TierSource(StrEnum):
    """How the tier is known. A FIXED tier is the owner's word and is never overruled."""

    UNKNOWN = "unknown"
    GUESSED = "guessed"
    PROVEN = "proven"
    FIXED = "fixed"


class Status(StrEnum):
    """Whether an account may be used at all. Being out of quota is not a status but a window."""

    ACTIVE = "active"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    DISABLED = "disabled"


class WindowSource(StrEnum):
    """Where the numbers of a window come from."""

    DEFAULT = "default"
    REAL = "real"
    ESTIMATED = "estimated"


# A refusal without a time may mean too fast rather than used up: so long the mode rests at least.
_TOO_FAST_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Window:
    """The quota of one mode: `remaining` of `total` questions until `reset_at`.

    `reset_at` is None until a first question or a sync starts the window. `synced_at` is when upstream last
    told. `refused_at` is when it last refused this mode without an answer since; until `refused_until` it is
    left alone, whatever a sync says meanwhile.
    """

    total: int
    remaining: int
    window_s: int
    reset_at: float | None = None
    synced_at: float | None = None
    source: WindowSource = WindowSource.DEFAULT
    refused_at: float | None = None
    refused_until: float | None = None

    def free_at(self) -> float:
        """When a question may be asked: 0 for at once, else the time of the reset or the end of a refusal."""
        reset_at = 0.0 if self.remaining > 0 else self.reset_at or 0.0
        return max(reset_at, self.refused_until or 0.0)

    def refreshed(self, now: float) -> Window:
        """The window as it stands at `now`: full again when its reset has passed."""
        if self.reset_at is not None and now >= self.reset_at:
            return replace(self, remaining=self.total, reset_at=None, source=WindowSource.ESTIMATED)
        return self

    def spent(self, now: float) -> Window:
        """One question asked at `now`."""
        current = self.refreshed(now)
        reset_at = current.reset_at if current.reset_at is not None else now + current.window_s
        return replace(
            current,
            remaining=max(0, current.remaining - 1),
            reset_at=reset_at,
            source=WindowSource.ESTIMATED,
            refused_at=None,
            refused_until=None,
        )

    def answered(self, now: float) -> Window:
        """One question answered at `now` that this window does not count."""
        return replace(self.refreshed(now), refused_at=None, refused_until=None)

    def exhausted(self, now: float, until: float | None) -> Window:
        """Upstream refused: nothing left until `until`, else until the known reset, else a whole window."""
        current = self.refreshed(now)
        reset_at = until if until is not None else current.reset_at
        if reset_at is None or reset_at <= now:
            reset_at = now + current.window_s
        return replace(
            current,
            remaining=0,
            reset_at=reset_at,
            source=WindowSource.ESTIMATED,
            refused_at=now,
            refused_until=now + _TOO_FAST_S if until is None else until,
        )

    def told(self, real: Window) -> Window:
        """The window that a sync tells, not forgetting a refusal since the last answer."""
        return replace(real, refused_at=self.refused_at, refused_until=self.refused_until)


CREDITS_TOTAL: Final = 10_000


@dataclass(frozen=True, slots=True)
class Credits:
    """The weekly pool of a paid account, `remaining` of `CREDITS_TOTAL` from `starts_at` to `ends_at`.

    `products` is percent used by number: 0 third party, 1 API, 2 Build, 3 plugins, 4 chat, 5 imagine, 6
    voice. While it runs it stands for all chat windows (protocol/grok-web-chat.md §16.5).
    """

    remaining: int
    starts_at: float
    ends_at: float
    products: Mapping[int, float] = field(default_factory=dict)

    def free_at(self) -> float:
        """When a question may be asked: 0 for at once, else the end of the period."""
        return 0.0 if self.remaining > 0 else self.ends_at


class Product(StrEnum):
    """What is counted of pictures and videos; the value is Grok's own name (§16.6)."""

    IMAGE = "image"
    IMAGE_EDIT = "imageEdit"
    IMAGE_PRO = "imagePro"
    VIDEO = "video"
    VIDEO_720P = "video720p"


Meter = Mode | Product


@dataclass(frozen=True, slots=True)
class MediaQuota:
    """How many of one product may be made.

    `remaining` is None when that was not said; `reset_at` is when there are more, None when not said.
    `used_at` is when one was last asked for. `refused_at` is when upstream last refused one without making
    one since; until `refused_until` the product is left alone, whatever a sync says meanwhile. Not `known`:
    upstream has never said, this is only what was learned from using it.
    """

    available: bool
    remaining: int | None
    window_s: int
    reset_at: float | None = None
    used_at: float | None = None
    refused_at: float | None = None
    refused_until: float | None = None
    known: bool = True

    def free_at(self) -> float:
        """When one may be made: 0 for at once, else the time of the reset or the end of a refusal."""
        wait = 0.0 if self.available and self.remaining != 0 else self.reset_at or 0.0
        return max(wait, self.refused_until or 0.0)

    def left(self) -> float:
        """How much there is, 0 to 1: for comparing accounts."""
        if self.remaining is None:
            return 1.0 if self.available else 0.0
        return min(self.remaining, _PLENTY) / _PLENTY

    def spent(self, now: float) -> MediaQuota:
        """One was made at `now`."""
        remaining = None if self.remaining is None else max(0, self.remaining - 1)
        reset_at = now + self.window_s if remaining == 0 and self.reset_at is None else self.reset_at
        return replace(
            self, remaining=remaining, reset_at=reset_at, used_at=now, refused_at=None, refused_until=None
        )

    def exhausted(self, now: float, until: float | None) -> MediaQuota:
        """Upstream refused at `now`: left alone until `until`, else for a while that grows no longer."""
        wait = now + min(self.window_s, _REFUSED_S) if until is None else until
        return replace(self, refused_at=now, refused_until=wait)

    def told(self, real: MediaQuota) -> MediaQuota:
        """The quota that a sync tells, not forgetting a refusal since the last one that was made."""
        return replace(
            real, used_at=self.used_at, refused_at=self.refused_at, refused_until=self.refused_until
        )


# A refusal without a time: so long the product is left alone, unless its window is shorter.
_REFUSED_S: Final = 3_600
_PLENTY: Final = 20
# What is assumed of a product that upstream has not told about.
_UNTOLD: Final = MediaQuota(available=True, remaining=None, window_s=86_400, known=False)


def _window(total: int, window_s: int) -> Window:
    return Window(total=total, remaining=total, window_s=window_s)


_DAY_S: Final = 86_400
_PAID_S: Final = 7_200

DEFAULT_WINDOWS: Final[Mapping[Tier, Mapping[Mode, Window]]] = MappingProxyType(
    {
        # protocol/grok-web-chat.md §16.2: what a tier has before the first answer about its quota.
        Tier.UNKNOWN: {Mode.FAST: _window(30, _DAY_S)},
        Tier.BASIC: {Mode.FAST: _window(30, _DAY_S)},
        Tier.SUPER: {
            Mode.AUTO: _window(50, _PAID_S),
            Mode.FAST: _window(140, _PAID_S),
            Mode.EXPERT: _window(50, _PAID_S),
            Mode.GROK_4_3: _window(50, _PAID_S),
        },
        Tier.HEAVY: {
            Mode.AUTO: _window(150, _PAID_S),
            Mode.FAST: _window(400, _PAID_S),
            Mode.EXPERT: _window(150, _PAID_S),
            Mode.HEAVY: _window(20, _PAID_S),
            Mode.GROK_4_3: _window(150, _PAID_S),
        },
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    """One Grok account of the owner.

    `reason` says why the status is what it is, since `since`. `resting_until` is a short pause after faults,
    whatever the mode; `rest_reason` says why. `windows` holds the modes the tier has; `media` the products
    upstream has told about. `proxy` is the way out this account is bound to: empty for any, "direct", or an
    address. `max_parallel` is how many requests it serves at once, None for what the settings say.

    `checked_at` is when upstream was last asked about it, `synced_at` when that last succeeded;
    `check_failures` counts the failed ones since, `check_failure` says why. `terms_at`, `birth_date_at` and
    `adult_at` are when each step of showing adult content was done here (protocol/grok-web-chat.md §18).
    """

    id: AccountId
    token: Secret
    label: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    tier: Tier = Tier.UNKNOWN
    tier_source: TierSource = TierSource.UNKNOWN
    status: Status = Status.ACTIVE
    reason: str = ""
    since: float = 0.0
    windows: Mapping[Mode, Window] = field(default_factory=lambda: dict(DEFAULT_WINDOWS[Tier.UNKNOWN]))
    credits: Credits | None = None
    media: Mapping[Product, MediaQuota] = field(default_factory=dict)
    resting_until: float = 0.0
    rest_reason: str = ""
    faults: int = 0
    user_id: str = ""
    email: str = ""
    cookies: Secret = Secret("")
    proxy: Secret = Secret("")
    max_parallel: int | None = None
    created_at: float = 0.0
    synced_at: float | None = None
    checked_at: float | None = None
    check_failures: int = 0
    check_failure: str = ""
    terms_at: float | None = None
    birth_date_at: float | None = None
    adult_at: float | None = None
    uses: int = 0
    failures: int = 0
    syncs: int = 0
    last_use_at: float | None = None
    last_failure_at: float | None = None
    last_failure: str = ""

    @property
    def name(self) -> str:
        """What a person calls it: the label, else the mail address, else the end of the token."""
        return self.label or self.email or str(self.token)

    def free_at(self, meter: Meter) -> float:
        """When it may serve `meter`: 0 for at once, infinity for never as things stand.

        A product that upstream did not name is one that this account does not have; before it has named any,
        each is tried.
        """
        if isinstance(meter, Product):
            quota = self.media.get(meter)
            if self.status is not Status.ACTIVE or (quota is None and self._told_of_media):
                return float("inf")
            return max((quota or _UNTOLD).free_at(), self.resting_until)
        window = self.windows.get(meter)
        if self.status is not Status.ACTIVE or window is None:
            return float("inf")
        credit = 0.0 if self.credits is None else self.credits.free_at()
        return max(window.free_at(), credit, self.resting_until)

    @property
    def _told_of_media(self) -> bool:
        """Whether upstream ever said what this account may make: then what it left out is not there."""
        return any(quota.known for quota in self.media.values())

    def left(self, meter: Meter, now: float) -> float:
        """The share of `meter` that is left, 0 to 1; of the weekly pool where there is one."""
        if isinstance(meter, Product):
            return self.media.get(meter, _UNTOLD).left()
        if self.credits is not None and now < self.credits.ends_at:
            return self.credits.remaining / CREDITS_TOTAL
        window = self.windows[meter].refreshed(now)
        return window.remaining / window.total if window.total else 0.0

    def on_probation(self, meter: Meter) -> bool:
        """Whether one request at a time has to show that it works again, after faults or a refusal."""
        counted = self.media.get(meter) if isinstance(meter, Product) else self.windows.get(meter)
        return self.faults > 0 or (counted is not None and counted.refused_at is not None)

    def with_tier(self, tier: Tier, source: TierSource) -> Account:
        """The account in `tier`, keeping what is known of modes that both tiers have."""
        windows = {mode: self.windows.get(mode, window) for mode, window in DEFAULT_WINDOWS[tier].items()}
        return replace(self, tier=tier, tier_source=source, windows=windows)

    def with_window(self, mode: Mode, window: Window) -> Account:
        """The account with one window replaced."""
        return replace(self, windows={**self.windows, mode: window})

    def with_quota(self, product: Product, quota: MediaQuota) -> Account:
        """The account with the quota of one product replaced."""
        return replace(self, media={**self.media, product: quota})

    def with_status(self, status: Status, reason: str, now: float) -> Account:
        """The account in `status`, saying why and since when."""
        if (status, reason) == (self.status, self.reason):
            return self
        return replace(self, status=status, reason=reason, since=now)


# --- outcomes
# --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The answer came to its end."""


@dataclass(frozen=True, slots=True)
class Limited:
    """Upstream says this mode is used up or asked too fast. `retry_after` in seconds when it said so."""

    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Upstream refuses the account itself: `status` is EXPIRED or BLOCKED."""

    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class Faulted:
    """The account answered with nothing or with nonsense."""

    reason: str


@dataclass(frozen=True, slots=True)
class Noted:
    """It failed for a reason that is not the account's; worth showing, costs nothing.

    `unsure`: upstream may have counted it all the same, so that it is asked what is left.
    """

    reason: str
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Nobody waited for the end: the client left, or the fault was ours. Leaves no trace."""


Outcome = Succeeded | Limited | Rejected | Faulted | Noted | Abandoned


@dataclass(frozen=True, slots=True)
class RestPolicy:
    """How long an account rests after faults.

    `first_s` after the first, twice as long with each further one in a row, at most `longest_s`.
    """

    first_s: float = 30.0
    longest_s: float = 1_800.0


def after(account: Account, outcome: Outcome, meter: Meter, now: float, policy: RestPolicy) -> Account:
    """Return `account` as it is after a call that counts on `meter` ended with `outcome` at `now`."""
    match outcome:
        case Succeeded():
            return _succeeded(account, meter, now)
        case Limited(reason, retry_after):
            until = None if retry_after is None else now + retry_after
            return _failed(_exhausted(account, meter, now, until), reason, now)
        case Rejected(_, reason):
            return _failed(refused(account, outcome, now), reason, now)
        case Faulted(reason):
            faults = account.faults + 1
            rest_s = min(policy.longest_s, policy.first_s * 2.0 ** min(faults - 1, 16))
            return replace(
                _failed(account, reason, now), faults=faults, resting_until=now + rest_s, rest_reason=reason
            )
        case Noted(reason, unsure):
            return _failed(_asked(account, meter, now) if unsure else account, reason, now)
        case Abandoned():
            return account
    assert_never(outcome)


def refused(account: Account, outcome: Rejected, now: float) -> Account:
    """Return `account` after upstream refused it at `now`, in whatever it was asked; no call is counted."""
    account = replace(account, last_failure=outcome.reason, last_failure_at=now)
    if account.status is Status.DISABLED:
        return account
    return account.with_status(outcome.status, outcome.reason, now)


def _exhausted(account: Account, meter: Meter, now: float, until: float | None) -> Account:
    if isinstance(meter, Product):
        return account.with_quota(meter, account.media.get(meter, _UNTOLD).exhausted(now, until))
    window = account.windows.get(meter)
    return account if window is None else account.with_window(meter, window.exhausted(now, until))


def _asked(account: Account, meter: Meter, now: float) -> Account:
    """The account when it is not known whether it has spent one."""
    if not isinstance(meter, Product):
        return account
    return account.with_quota(meter, replace(account.media.get(meter, _UNTOLD), used_at=now))


def _succeeded(account: Account, meter: Meter, now: float) -> Account:
    if isinstance(meter, Product):
        account = account.with_quota(meter, account.media.get(meter, _UNTOLD).spent(now))
    elif (window := account.windows.get(meter)) is not None:
        metered = account.credits is None or now >= account.credits.ends_at
        account = account.with_window(meter, window.spent(now) if metered else window.answered(now))
    return replace(
        account, uses=account.uses + 1, last_use_at=now, faults=0, resting_until=0.0, rest_reason=""
    )


def _failed(account: Account, reason: str, now: float) -> Account:
    return replace(account, failures=account.failures + 1, last_failure_at=now, last_failure=reason)


# --- reports
# ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Report:
    """What upstream said about an account when asked. Empty members were not told.

    `windows` holds only modes that answered; `partial` says that nothing else was asked. `tier` is None when
    the totals tell nothing. `credits` is None, and `media` empty, when upstream did not say; `metered` True
    says that there is no weekly pool.
    """

    user_id: str = ""
    email: str = ""
    tier: Tier | None = None
    windows: Mapping[Mode, Window] = field(default_factory=dict)
    credits: Credits | None = None
    metered: bool = False
    media: Mapping[Product, MediaQuota] = field(default_factory=dict)
    partial: bool = False


def told(account: Account, report: Report, now: float, *, revives: bool = True) -> Account:
    """Return `account` with what `report` tells.

    A fixed tier stays; silence demotes nobody. With `revives`, one that was signed out or blocked is active
    again: it has answered.
    """
    if report.tier is not None and account.tier_source is not TierSource.FIXED:
        account = account.with_tier(report.tier, TierSource.PROVEN)
    windows = dict(account.windows)
    windows.update(
        {mode: windows[mode].told(window) for mode, window in report.windows.items() if mode in windows}
    )
    if report.credits is not None:
        # From now on only the pool counts; a window that was used up before says nothing any more.
        windows = {
            mode: window if window.remaining else replace(window, remaining=window.total, reset_at=None)
            for mode, window in windows.items()
        }
    if revives and account.status in {Status.EXPIRED, Status.BLOCKED}:
        account = account.with_status(Status.ACTIVE, "", now)
    return replace(
        account,
        windows=windows,
        credits=report.credits or (None if report.metered else account.credits),
        media=_told_media(account.media, report.media),
        user_id=report.user_id or account.user_id,
        email=report.email or account.email,
        synced_at=account.synced_at if report.partial else now,
        checked_at=now,
        check_failures=0,
        check_failure="",
        syncs=account.syncs + 1,
    )


def _told_media(
    ours: Mapping[Product, MediaQuota], real: Mapping[Product, MediaQuota]
) -> Mapping[Product, MediaQuota]:
    if not real:
        return ours
    return {product: ours.get(product, quota).told(quota) for product, quota in real.items()}


def untold(account: Account, why: str, now: float) -> Account:
    """Return `account` after upstream was asked about it in vain at `now`; `why` says the cause."""
    return replace(account, checked_at=now, check_failures=account.check_failures + 1, check_failure=why)
