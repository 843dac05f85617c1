"""Grok web as an upstream: opens the chat in either form, makes pictures and films, acts on accounts.

Two forms of chat (decision 12): the message gateway, a WebSocket that needs the account's user id, and the
older REST stream. Both decode to the same events; `auto` starts with the gateway, falls back once when
upstream does not know it, and remembers that for an hour.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import date
from random import Random
from typing import Final

from grokdesk.core.accounts import Account, AccountId, Meter, Mode, Report
from grokdesk.core.assets import Asset, Listing, PastConversation
from grokdesk.core.catalog import Does
from grokdesk.core.conversation import ChatRequest, Message
from grokdesk.core.egress import Egress
from grokdesk.core.errors import InvalidRequest, RateLimited, UpstreamError
from grokdesk.core.events import Batch
from grokdesk.core.media import Artifact, ImageRequest, Request, Trace, VideoRequest
from grokdesk.core.offer import EVERYTHING
from grokdesk.core.ports import Clock, Download, Lease
from grokdesk.core.settings import ChatForm
from grokdesk.core.voice import VoicePass, VoiceWish
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.wire import Limits, Wire
from grokdesk.providers.grok_web import account_calls, media_calls, probe
from grokdesk.providers.grok_web.chat import Chat, Forms, NoUserId
from grokdesk.providers.grok_web.edits import edits
from grokdesk.providers.grok_web.films import films
from grokdesk.providers.grok_web.imagine import pictures
from grokdesk.providers.grok_web.media_forms import MediaForms
from grokdesk.providers.grok_web.protocol import identity, voice
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.rounds import Rounds, messages_for, needs_rounds
from grokdesk.providers.grok_web.session import SMALL_BYTES, Means, Session, WebOptions
from grokdesk.providers.grok_web.signer import Signer
from grokdesk.providers.grok_web.sketches import sketches
from grokdesk.providers.grok_web.threads import Further, Kept, Retold, Threads

log = logging.getLogger(__name__)

_LISTING_S: Final = 60.0  # protocol/grok-web-media.md §6.3
_VOICE_S: Final = 60.0  # same, §8.1


class GrokWeb:
    """The provider of Grok's web chat.

    `learned` hears the user id and mail address of an account when upstream tells.
    """

    key = "grok_web"

    def __init__(
        self,
        wire: Wire,
        *,
        options: Callable[[], WebOptions],
        clock: Clock,
        deadlines: Deadlines,
        rng: Random,
        learned: Callable[[AccountId, Report], None],
    ) -> None:
        self._means = Means(wire, clock, deadlines, rng, Signer(wire, clock))
        self._options = options
        self._learned = learned
        self._forms = Forms(clock.now)
        self._media_forms = MediaForms(clock.now)
        self._user_ids: dict[AccountId, str] = {}
        self._threads = Threads(clock.now)

    # -- chat

    @asynccontextmanager
    async def open(
        self, request: Request, lease: Lease, egress: Egress
    ) -> AsyncIterator[AsyncIterator[Batch]]:
        """See `core.ports.Provider.open`."""
        if isinstance(request, ChatRequest):
            async with self._chat(request, lease, egress) as events:
                yield events
            return
        options = replace(self._options(), custom_instruction="")
        session = Session(self._means, options, lease.account, egress, options.limits)
        async with aclosing(self._making(request, lease, session)) as events:
            yield events

    def _making(
        self, request: ImageRequest | VideoRequest, lease: Lease, session: Session
    ) -> AsyncGenerator[Batch]:
        if isinstance(request, VideoRequest):
            return films(session, request, self._media_forms)
        if request.references:
            return edits(session, request, self._media_forms)
        match EVERYTHING.named(request.model).does:
            case Does.SKETCH:
                mode = _mode(lease)
                return sketches(
                    lambda limited: Chat(limited, mode, self._forms, self._user_id, drawing=True),
                    session,
                    request,
                )
            case Does.EDIT:
                raise InvalidRequest(
                    "There is no picture to edit.", param="image", hint="Send at least one picture."
                )
            case does:
                return pictures(session, request, pro=does is Does.QUALITY)

    @asynccontextmanager
    async def _chat(
        self, request: ChatRequest, lease: Lease, egress: Egress
    ) -> AsyncIterator[AsyncIterator[Batch]]:
        options = self._options()
        session = Session(self._means, options, lease.account, egress, options.limits)
        messages = messages_for(request)
        further = self._further(messages, lease, options)
        async with Chat(session, _mode(lease), self._forms, self._user_id) as chat:

            async def anew() -> AsyncIterator[Batch]:
                self._threads.refused()
                return await chat.ask(await chat.asking(request, messages))

            if further is not None:
                try:
                    asking = await chat.asking(request, messages[further.start :], further.thread)
                    events = await chat.ask(asking)
                except (*probe.TELLING, RateLimited):
                    raise
                except UpstreamError as error:
                    # Whatever is wrong with an old conversation, a new one with the whole history may work.
                    log.info("conversation not continued why=%s detail=%s", error.message, error.detail)
                    self._threads.refused()
                    further = None
            if further is None:
                asking = await chat.asking(request, messages)
                events = await chat.ask(asking)
            read = events if further is None else Retold(events, anew)
            if needs_rounds(request):
                read = Rounds(request, asking, chat.ask, read, lambda: chat.thread)
            if chat.thread is not None:
                read = Kept(read, lambda answer: self._keep(messages, answer, chat))
            yield read

    def account_for(self, request: Request) -> AccountId | None:
        """The account whose conversation `request` continues; see `core.ports.Remembers`."""
        options = self._options()
        if not isinstance(request, ChatRequest):
            return None
        if not options.continue_conversations or self._forms.first(options) is ChatForm.REST:
            return None
        further = self._threads.find(messages_for(request))
        return None if further is None else further.thread.account

    def _further(self, messages: Sequence[Message], lease: Lease, options: WebOptions) -> Further | None:
        if not options.continue_conversations or self._forms.first(options) is ChatForm.REST:
            return None
        further = self._threads.find(messages)
        return further if further is not None and further.thread.account == lease.account.id else None

    def _keep(self, messages: Sequence[Message], answer: Message, chat: Chat) -> None:
        if chat.thread is not None:
            self._threads.keep(messages, answer, chat.thread)

    async def _user_id(self, session: Session) -> str:
        """The account's user id, asked once."""
        account = session.account
        known = account.user_id or self._user_ids.get(account.id, "")
        if known:
            return known
        who = await probe.who_is(session)
        if not identity.is_uuid(who.user_id):
            raise NoUserId(
                "Grok did not tell the user id of this account, "
                "without which its current chat cannot be opened.",
                hint="Set grok_web.chat_form to rest or auto.",
            )
        self._user_ids[account.id] = who.user_id
        self._learned(account.id, Report(user_id=who.user_id, email=who.email))
        return who.user_id

    # -- accounts

    async def probe(self, account: Account, egress: Egress, *, meters: Collection[Meter] = ()) -> Report:
        """See `core.ports.Provider.probe`."""
        session = self._session(account, egress)
        if meters:
            return await probe.what_is_left(session, account, meters)
        return await probe.probe(session, account)

    async def accept_account_terms(self, account: Account, egress: Egress) -> None:
        """See `core.ports.AccountCalls.accept_account_terms`."""
        await account_calls.accept_account_terms(self._session(account, egress))

    async def accept_product_terms(self, account: Account, egress: Egress) -> None:
        """See `core.ports.AccountCalls.accept_product_terms`."""
        await account_calls.accept_product_terms(self._session(account, egress))

    async def set_birth_date(self, account: Account, egress: Egress, born: date) -> bool:
        """See `core.ports.AccountCalls.set_birth_date`."""
        return await account_calls.set_birth_date(self._session(account, egress), born)

    async def show_adult(self, account: Account, egress: Egress, *, on: bool) -> None:
        """See `core.ports.AccountCalls.show_adult`."""
        await account_calls.show_adult(self._session(account, egress), on=on)

    async def assets(self, account: Account, egress: Egress) -> Listing[Asset]:
        """See `core.ports.AccountCalls.assets`."""
        return await account_calls.assets(self._session(account, egress, _LISTING_S))

    async def delete_asset(self, account: Account, egress: Egress, asset_id: str) -> bool:
        """See `core.ports.AccountCalls.delete_asset`."""
        return await account_calls.delete_asset(self._session(account, egress, _LISTING_S), asset_id)

    async def conversations(self, account: Account, egress: Egress) -> Listing[PastConversation]:
        """See `core.ports.AccountCalls.conversations`."""
        return await account_calls.conversations(self._session(account, egress, _LISTING_S))

    async def delete_conversation(self, account: Account, egress: Egress, conversation_id: str) -> bool:
        """See `core.ports.AccountCalls.delete_conversation`."""
        session = self._session(account, egress, _LISTING_S)
        was_there = await account_calls.delete_conversation(session, conversation_id)
        self._threads.forget(account.id, conversation_id)
        return was_there

    # -- files, pictures and films

    @asynccontextmanager
    async def download(self, url: str, account: Account, egress: Egress) -> AsyncIterator[Download]:
        """See `core.ports.Downloads.download`."""
        options = self._options()
        usual = options.limits
        limits = Limits(usual.connect_s, usual.first_s, usual.idle_s, options.download_s, "download_s")
        session = Session(self._means, options, account, egress, limits)
        async with media_calls.download(session, url) as arriving:
            yield arriving

    async def find(self, trace: Trace, account: Account, egress: Egress) -> Artifact | None:
        """See `core.ports.MediaCalls.find`."""
        return await media_calls.find(self._session(account, egress, _LISTING_S), trace)

    async def upscale(self, trace: Trace, account: Account, egress: Egress) -> Artifact:
        """See `core.ports.MediaCalls.upscale`."""
        return await media_calls.upscale(self._session(account, egress, self._options().video_s), trace)

    async def share(self, trace: Trace, account: Account, egress: Egress) -> str:
        """See `core.ports.MediaCalls.share`."""
        return await media_calls.share(self._session(account, egress), trace)

    async def open_voice(self, wish: VoiceWish, account: Account, egress: Egress) -> VoicePass:
        """See `core.ports.Speaks.open_voice`."""
        session = self._session(account, egress, _VOICE_S)
        address = session.options.livekit_url
        async with session.request("POST", Call.VOICE, voice.PATH, voice.order(wish, address)) as reply:
            return voice.read(await reply.body(SMALL_BYTES), address)

    def _session(self, account: Account, egress: Egress, at_least_s: float = 0.0) -> Session:
        """A session for short calls, which take no longer than a check may."""
        options = self._options()
        longest_s = max(options.probe_s, at_least_s)
        limits = Limits(options.limits.connect_s, longest_s, longest_s, longest_s)
        return Session(self._means, options, account, egress, limits)


def _mode(lease: Lease) -> Mode:
    return lease.meter if isinstance(lease.meter, Mode) else Mode.AUTO
