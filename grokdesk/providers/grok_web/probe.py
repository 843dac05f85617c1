"""What an account is and has left: the calls that ask (protocol/grok-web-chat.md §16, §17)."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from grokdesk.core.accounts import (
    Account,
    Credits,
    MediaQuota,
    Meter,
    Mode,
    Product,
    Report,
    Tier,
    TierSource,
    Window,
)
from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    Overloaded,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)
from grokdesk.providers.grok_web.protocol import grpc_web, identity, quota
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.identity import Identity
from grokdesk.providers.grok_web.session import SMALL_BYTES, Session

log = logging.getLogger(__name__)

# What says something about the account or the way there, and so ends a check; anything else is the affair
# of the one call.
TELLING: Final = (AccountRejected, Challenged, Overloaded, Unreachable, UpstreamTimeout)

_FURTHER_MODES: Final[dict[Tier, tuple[Mode, ...]]] = {
    Tier.SUPER: (Mode.EXPERT, Mode.GROK_4_3),
    Tier.HEAVY: (Mode.EXPERT, Mode.HEAVY, Mode.GROK_4_3),
}
_PAID: Final = {Tier.SUPER, Tier.HEAVY}


async def probe(session: Session, account: Account) -> Report:
    """Ask for everything: who it is, windows, weekly pool, what it may draw.

    What one call does not tell is left out, unless it says something about the account or the way there.
    Raises `UpstreamError`; also when nothing at all was told of what is left.
    """
    who = await _who(session)
    windows = _Windows(session)
    await windows.ask(Mode.AUTO, Mode.FAST)
    await windows.ask(*_FURTHER_MODES.get(_tier(account, windows), ()))
    inferred = quota.infer_tier(windows.told)
    pool = _NO_POOL
    if {inferred, _tier(account, windows)} & _PAID:
        pool = await _pool_if_told(session)
    if pool.credits is None:
        windows.require()
    return Report(
        user_id=who.user_id,
        email=who.email,
        tier=inferred,
        windows={} if pool.credits is not None else windows.told,
        credits=pool.credits,
        metered=pool.metered,
        media=await _media_if_told(session),
    )


async def what_is_left(session: Session, account: Account, meters: Collection[Meter]) -> Report:
    """Ask only what is left of `meters`: for modes, of the weekly pool where the account has one.

    Raises `UpstreamError` when that is not told.
    """
    modes = [meter for meter in meters if isinstance(meter, Mode)]
    media = await _media(session) if len(modes) < len(meters) else {}
    if not modes:
        return Report(media=media, partial=True)
    pool = _Pool()
    if account.credits is not None:
        pool = await _weekly_pool(session)
        if pool.credits is not None:
            return Report(credits=pool.credits, media=media, partial=True)
    windows = _Windows(session)
    await windows.ask(*modes)
    windows.require()
    return Report(windows=windows.told, metered=pool.metered, media=media, partial=True)


async def who_is(session: Session) -> Identity:
    """Whose account it is. Raises `UpstreamError`."""
    async with session.request("GET", Call.SESSION, "/api/auth/session") as reply:
        return identity.read(await reply.body(SMALL_BYTES))


async def _who(session: Session) -> Identity:
    try:
        return await who_is(session)
    except TELLING:
        raise
    except UpstreamError as error:
        log.info("identity not told account=%s why=%s", session.account.id, error.detail or error.message)
        return Identity()


def _tier(account: Account, windows: _Windows) -> Tier:
    """What to take the account for: the owner's word, else what the totals tell, else what it was."""
    if account.tier_source is TierSource.FIXED:
        return account.tier
    return quota.infer_tier(windows.told) or account.tier


@dataclass(slots=True)
class _Windows:
    """The windows of the modes that were asked; one that was not told is left out."""

    session: Session
    told: dict[Mode, Window] = field(default_factory=dict)
    failure: UpstreamError | None = None
    answered: bool = False

    async def ask(self, *modes: Mode) -> None:
        session = self.session
        for mode in modes:
            try:
                window = await _window(session, mode)
            except TELLING:
                raise
            except UpstreamError as error:
                log.info("no quota account=%s mode=%s why=%s", session.account.id, mode, error.detail)
                self.failure = error
                continue
            self.answered = True
            if window is not None:
                self.told[mode] = window

    def require(self) -> None:
        """Raise the failure when no mode was answered about: silence must not count as a check."""
        if not self.answered and self.failure is not None:
            raise self.failure


async def _window(session: Session, mode: Mode) -> Window | None:
    body = quota.rate_limits_body(mode)
    async with session.request("POST", Call.RATE_LIMITS, "/rest/rate-limits", body) as reply:
        return quota.window(await reply.body(SMALL_BYTES), mode, session.means.clock.now())


@dataclass(frozen=True, slots=True)
class _Pool:
    """The weekly pool of an account; `metered` says that it has none and its windows count."""

    credits: Credits | None = None
    metered: bool = False


_NO_POOL: Final = _Pool(metered=True)


async def _weekly_pool(session: Session) -> _Pool:
    path = "/grok_api_v2.GrokBuildBilling/GetGrokCreditsConfig"
    async with session.request("POST", Call.CREDITS, path, grpc_web.EMPTY) as reply:
        body, said = await reply.body(SMALL_BYTES), reply.headers
    try:
        pool = quota.weekly_credits(body, said)
    except AccountRejected:
        raise
    except UpstreamError as error:
        # A refusal of this one question, whatever its code.
        raise UpstreamError(
            "Grok did not tell what is left of this account's weekly pool.",
            hint="Check the account again later.",
            detail=error.detail,
        ) from error
    return _Pool(pool, metered=pool is None)


async def _pool_if_told(session: Session) -> _Pool:
    """The weekly pool; nothing is known of it when upstream does not tell (§16.5)."""
    try:
        return await _weekly_pool(session)
    except TELLING:
        raise
    except UpstreamError as error:
        log.info("no weekly pool account=%s why=%s", session.account.id, error.detail)
        return _Pool()


async def _media(session: Session) -> dict[Product, MediaQuota]:
    path, body = "/rest/media/imagine/quota_info", quota.IMAGINE_QUOTA_BODY
    async with session.request("POST", Call.IMAGINE_QUOTA, path, body) as reply:
        return quota.imagine_quotas(await reply.body(SMALL_BYTES), session.means.clock.now())


async def _media_if_told(session: Session) -> dict[Product, MediaQuota]:
    """What is left of pictures and videos; empty when upstream does not tell (§16.6)."""
    try:
        return await _media(session)
    except TELLING:
        raise
    except UpstreamError as error:
        log.info("no picture quotas account=%s why=%s", session.account.id, error.detail)
        return {}
