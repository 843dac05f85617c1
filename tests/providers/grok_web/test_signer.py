"""Signed fingerprints: asked for once, kept for an hour, never invented, never at the price of a cookie."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from grokdesk.platform.wire import Call, Wire
from grokdesk.providers.grok_web.protocol.headers import page_headers
from grokdesk.providers.grok_web.signer import Signer
from grokdesk.sim import Simulator, World, server_error
from tests.make import Clock

PATH = "/rest/app-chat/conversations/new"
TOKEN = "invented-sso-token"
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36"
)


class Rig:
    """A signer, the page it reads, and what both were asked."""

    def __init__(self, sim: Simulator, world: World, wire: Wire, clock: Clock) -> None:
        self.signer = Signer(wire, clock)
        self.world = world
        self.clock = clock
        self.gate: asyncio.Event | None = None
        self._sim = sim
        self._wire = wire
        world.add(TOKEN)

    async def page(self, path: str) -> tuple[int, bytes]:
        """Open a page of Grok with the account's cookies."""
        if self.gate is not None:
            await self.gate.wait()
        headers = page_headers(token=TOKEN, user_agent=AGENT, cf_cookies="cf_clearance=x")
        async with self._wire.stream(Call("GET", f"{self._sim.url}{path}", headers)) as reply:
            return reply.status, await reply.body()

    async def value(
        self, path: str = PATH, fetch: Callable[[str], Awaitable[tuple[int, bytes]]] | None = None
    ) -> str:
        return await self.signer.value(
            self._sim.url, f"{self._sim.url}/sign", "post", path, fetch or self.page
        )

    def forget(self) -> None:
        self.signer.forget(self._sim.url, f"{self._sim.url}/sign", "POST", PATH)

    def asked(self) -> list[str]:
        """What the simulator received."""
        return [seen.path for seen in self.world.received]


@pytest.fixture
def rig(sim: Simulator, world: World, wire: Wire, clock: Clock) -> Rig:
    return Rig(sim, world, wire, clock)


async def test_a_value_is_signed_for_method_and_path(rig: Rig) -> None:
    """
    The page gives the meta value, the signer the signature; it sees no cookie, and nobody breaks a rule.
    """
    value = await rig.value()

    assert rig.world.signed[value] == ("POST", PATH)
    assert rig.asked() == ["/index", "/sign"]
    assert rig.world.received[-1].cookie_names == ()
    assert rig.world.violations == []


async def test_a_value_serves_for_an_hour(rig: Rig) -> None:
    """
    Then a new one is made; another path needs its own.
    """
    first, again = await rig.value(), await rig.value()
    rig.clock.advance(3_600)
    later = await rig.value()
    await rig.value("/rest/rate-limits")

    assert first == again != later
    assert rig.asked() == ["/index", "/sign"] * 3


async def test_without_a_signer_nothing_is_asked(rig: Rig) -> None:
    """
    There is no default address.
    """
    assert await rig.signer.value("http://unused", "", "POST", PATH, rig.page) == ""
    assert rig.asked() == []


async def test_a_refused_value_is_made_anew(rig: Rig) -> None:
    """
    What upstream did not like is not sent again.
    """
    first = await rig.value()

    rig.forget()

    assert await rig.value() != first
    assert len(rig.world.signed) == 2


async def test_the_root_page_helps_out(rig: Rig) -> None:
    """
    Where the usual page is gone the root page has the meta value.
    """
    rig.world.index_gone = True

    value = await rig.value()

    assert value in rig.world.signed
    assert rig.asked() == ["/index", "/", "/sign"]


async def test_a_second_try_follows_a_failed_one(rig: Rig) -> None:
    """
    One hiccup of the signer goes unnoticed.
    """
    rig.world.next_on("/sign", server_error(502))

    assert await rig.value() in rig.world.signed


@pytest.mark.parametrize(
    "page", [(200, b"<html></html>"), (403, b"blocked"), (500, b"")], ids=["bare", "403", "500"]
)
async def test_a_page_without_the_value_gives_nothing(rig: Rig, page: tuple[int, bytes]) -> None:
    """
    Nothing is invented and the signer is not asked.
    """

    async def fetch(_: str) -> tuple[int, bytes]:
        return page

    assert await rig.value(fetch=fetch) == ""
    assert rig.asked() == []


@pytest.mark.parametrize("form", ['<META content="x" NAME="grok-site-verification" content=\'%s\'>', "%s"])
async def test_the_meta_tag_is_found_in_any_usual_form(rig: Rig, form: str) -> None:
    """
    Quotes and case do not matter; a page of bare text has none.
    """
    tag = form % rig.world.meta_content

    async def fetch(_: str) -> tuple[int, bytes]:
        return 200, tag.encode()

    value = await rig.value(fetch=fetch)

    assert (value in rig.world.signed) == ("META" in form)


async def test_an_unreachable_signer_gives_nothing(
    rig: Rig, sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The request goes on without a fingerprint, and the log says why.
    """
    value = await rig.signer.value(sim.url, "http://127.0.0.1:1/sign", "POST", PATH, rig.page)

    assert value == ""
    assert "no signed fingerprint" in caplog.text


async def test_an_old_value_beats_none(rig: Rig) -> None:
    """
    When no new one can be had after the hour, the old one is used once more.
    """
    old = await rig.value()
    rig.clock.advance(4_000)
    for _ in range(2):
        rig.world.next_on("/sign", server_error(502))

    assert await rig.value() == old


async def test_many_at_once_ask_once(rig: Rig) -> None:
    """
    Requests that need the same value share one question.
    """
    values = await asyncio.gather(*(rig.value() for _ in range(10)))

    assert len(set(values)) == 1
    assert rig.asked() == ["/index", "/sign"]


async def test_when_the_first_asker_leaves_the_others_get_their_value(rig: Rig) -> None:
    """
    A client that goes in the middle takes nobody's value with it.
    """
    rig.gate = asyncio.Event()
    loop = asyncio.get_running_loop()
    first, *others = [loop.create_task(rig.value()) for _ in range(3)]
    await asyncio.sleep(0)

    first.cancel()
    await asyncio.sleep(0)
    rig.gate.set()
    values = await asyncio.gather(*others)

    assert first.cancelled()
    assert len(set(values)) == 1
    assert values[0] in rig.world.signed
