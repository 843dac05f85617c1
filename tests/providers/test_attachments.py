"""What a client names by address is fetched like a stranger would, and only from public places."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from grokdesk.core.errors import InvalidRequest, TooLarge
from grokdesk.platform.clock import SystemClock
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.wire import Wire
from grokdesk.providers import attachments
from grokdesk.providers.attachments import fetch


class Site:
    """A web site on this machine that notes what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.headers: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        match request.path:
            case "/boat.png":
                return web.Response(body=b"a picture", content_type="image/png")
            case "/moved":
                raise web.HTTPFound("/boat.png?size=2")
            case "/inside":
                raise web.HTTPFound("http://10.0.0.7/secret")
            case "/round":
                raise web.HTTPFound("/round")
            case "/file":
                raise web.HTTPFound("file:///etc/passwd")
            case "/large":
                return web.Response(body=b"x" * 3000)
            case _:
                raise web.HTTPNotFound


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_get("/{rest:.*}", site.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    site.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    yield site
    await runner.cleanup()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    deadlines = Deadlines(SystemClock())
    async with Wire(deadlines) as wire:
        yield wire
    deadlines.close()


async def test_a_file_comes_with_its_type_and_name(site: Site, wire: Wire) -> None:
    """
    Redirects are followed; the name is the last part of the final path; nobody's cookie goes along.
    """
    fetched = await fetch(wire, f"{site.url}/moved", allow_private=True)

    assert (fetched.data, fetched.media_type, fetched.name) == (b"a picture", "image/png", "boat.png")
    assert not any("Cookie" in headers or "Authorization" in headers for headers in site.headers)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/missing", "answered 404"),
        ("/round", "redirects too often"),
        ("/file", "only http and https"),
    ],
)
async def test_what_cannot_be_had_is_said(site: Site, wire: Wire, path: str, why: str) -> None:
    """
    A readable refusal names the address and the reason.
    """
    with pytest.raises(InvalidRequest, match=why):
        await fetch(wire, site.url + path, allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://localhost/x",
        "http://[::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://10.1.2.3/x",
        "http://192.168.0.1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0/x",
        "http://100.64.0.1/x",
        "http://224.0.0.1/x",
    ],
)
async def test_private_addresses_are_not_fetched(wire: Wire, url: str) -> None:
    """
    This machine, the local network and what clouds hide there stay out of reach.
    """
    with pytest.raises(InvalidRequest, match="private network"):
        await fetch(wire, url, allow_private=False)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.org/x", "only http and https"),
        ("https://", "only http and https"),
        ("https://me:secret@example.org/x", "user name or password"),
        ("http://[::1", "not valid"),
        ("http://a..b/x", "unknown"),
        ("http://example.org/" + "x" * 9000, "too long"),
    ],
)
async def test_odd_addresses_are_refused_before_anything_is_sent(wire: Wire, url: str, why: str) -> None:
    """
    Nothing but plain http(s) to a name that exists.
    """
    with pytest.raises(InvalidRequest, match=why) as caught:
        await fetch(wire, url, allow_private=True)

    assert "secret" not in caught.value.message


async def test_a_redirect_into_a_private_network_is_refused(
    site: Site, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Every step is checked anew: a public page cannot lead inside.
    """
    # Stands for a public site: only the loopback server of this test counts as one.
    monkeypatch.setattr(attachments, "_is_public", lambda address: address == "127.0.0.1")

    with pytest.raises(InvalidRequest, match="private network"):
        await fetch(wire, f"{site.url}/inside", allow_private=False)


async def test_what_is_too_large_is_not_kept(site: Site, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The limit ends the transfer.
    """
    monkeypatch.setattr(attachments, "MAX_BYTES", 1000)

    with pytest.raises(TooLarge):
        await fetch(wire, f"{site.url}/large", allow_private=True)
