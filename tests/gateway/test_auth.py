"""Who may ask: keys, host names and web origins, as clients and browsers meet them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import aiohttp
import openai
import pytest

from tests.gateway.conftest import World
from tests.gateway.fakes import KEY

PAGE = "http://localhost:3000"


@pytest.fixture
async def stranger(world: World) -> AsyncIterator[aiohttp.ClientSession]:
    """A client without a key."""
    async with aiohttp.ClientSession(world.root) as session:
        yield session


async def test_a_wrong_key_is_an_authentication_error(world: World) -> None:
    """
    The official client raises what its documentation says.
    """
    async with openai.AsyncOpenAI(base_url=world.gateway.state.base_url, api_key="wrong") as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.models.list()

    assert caught.value.code == "invalid_api_key"
    assert caught.value.type == "authentication_error"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"BEARER  {KEY} "},
        {"X-Api-Key": KEY},
        {"Authorization": "Basic abc", "x-api-key": KEY},
    ],
)
async def test_a_key_may_come_in_either_header(
    world: World, stranger: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    """
    As OpenAI's clients send it, or as Anthropic's do.
    """
    async with stranger.get("/v1/models", headers=headers) as response:
        assert response.status == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "Basic abc"}])
async def test_a_missing_key_is_asked_for(
    world: World, stranger: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    """
    In the envelope, with a sentence of what to send.
    """
    async with stranger.post("/v1/chat/completions", headers=headers) as response:
        told = await response.json()

    assert response.status == 401
    assert told["error"]["message"].startswith("An API key is required. Send a key")
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_bearer_wins_over_the_other_header(world: World, stranger: aiohttp.ClientSession) -> None:
    """
    A wrong bearer key is not made good by a right one elsewhere.
    """
    headers = {"Authorization": "Bearer wrong", "x-api-key": KEY}

    async with stranger.get("/v1/models", headers=headers) as response:
        assert response.status == 401


async def test_no_key_is_needed_when_the_owner_says_so(world: World, stranger: aiohttp.ClientSession) -> None:
    """
    Then the client is called by the product it says it is.
    """
    world.set_gateway(require_key=False)
    body = {"model": "grok-4.20-fast", "messages": [{"role": "user", "content": "Hi"}]}

    async with stranger.post(
        "/v1/chat/completions", json=body, headers={"User-Agent": "curl/8.5.0 (linux)"}
    ) as response:
        assert response.status == 200

    assert world.engine.clients == ["curl"]


@pytest.mark.parametrize("path", ["/", "/health", "/healthz", "/readyz"])
async def test_signs_of_life_need_no_key(world: World, stranger: aiohttp.ClientSession, path: str) -> None:
    """
    Monitors have none.
    """
    async with stranger.get(path) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:4765", "localhost:99", "LOCALHOST", "localhost.", "[::1]:4765", "[::1]"]
)
async def test_loopback_names_are_known(world: World, stranger: aiohttp.ClientSession, host: str) -> None:
    """
    With any port, in any case.
    """
    async with stranger.get("/healthz", headers={"Host": host}) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:4765",
        "127.0.0.1.evil.example",
        "10.0.0.7",
        "",
        "127.0.0.1:80@evil.example",
        "127.0.0.1:4765/evil.example",
        "localhost:x",
        "[::1].evil.example",
        "[::1]:80@evil.example",
        "[::1",
    ],
)
async def test_other_host_names_are_refused(world: World, stranger: aiohttp.ClientSession, host: str) -> None:
    """
    A page whose name was made to point here gets nothing, and the owner reads which setting to change.
    """
    async with stranger.get("/healthz", headers={"Host": host}) as response:
        told = await response.json()

    assert response.status == 403
    assert told["error"]["code"] == "forbidden_origin"
    assert "gateway.allowed_hosts" in told["error"]["message"]


async def test_the_owner_adds_host_names(world: World, stranger: aiohttp.ClientSession) -> None:
    """
    At once, without a restart.
    """
    world.set_gateway(allowed_hosts=("Desk.lan",))

    async with stranger.get("/healthz", headers={"Host": "desk.lan:4765"}) as response:
        assert response.status == 200


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 without being told")
async def test_listening_everywhere_knows_the_address_it_was_reached_at(idle: World) -> None:
    """
    An address cannot be made to point elsewhere, so the one a client connected to is as good as a listed
    name.
    """
    idle.set_gateway(host="127.0.0.2")
    await idle.gateway.start()
    idle.set_gateway(host="0.0.0.0")  # noqa: S104 - nothing listens there; it is what the owner would set

    async with aiohttp.ClientSession(idle.root) as http:
        async with http.get("/healthz") as reached:
            assert reached.status == 200
        async with http.get("/healthz", headers={"Host": "127.0.0.3"}) as elsewhere:
            assert elsewhere.status == 403
    await idle.gateway.stop()


async def test_pages_are_refused_by_default(world: World, http: aiohttp.ClientSession) -> None:
    """
    Even with a key: the owner did not let this page in.
    """
    async with http.get("/v1/models", headers={"Origin": PAGE}) as response:
        told = await response.json()

    assert response.status == 403
    assert "gateway.allowed_origins" in told["error"]["message"]
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("origin", ["null", "http://localhost:3001", "https://localhost:3000", "nonsense"])
async def test_only_the_exact_origin_is_let_in(
    world: World, http: aiohttp.ClientSession, origin: str
) -> None:
    """
    Scheme, name and port must agree.
    """
    world.set_gateway(allowed_origins=(PAGE,))

    async with http.get("/v1/models", headers={"Origin": origin}) as response:
        assert response.status == 403


async def test_an_allowed_page_may_read_the_answer(world: World, http: aiohttp.ClientSession) -> None:
    """
    Also that of a failure, and the headers by which it tries again.
    """
    world.set_gateway(allowed_origins=(PAGE + "/",))

    async with http.get("/v1/nothing", headers={"Origin": PAGE}) as response:
        headers = response.headers

    assert headers["Access-Control-Allow-Origin"] == PAGE
    assert headers["Vary"] == "Origin"
    assert "retry-after" in headers["Access-Control-Expose-Headers"]


async def test_an_allowed_page_may_ask_before_it_sends(world: World, stranger: aiohttp.ClientSession) -> None:
    """
    Browsers send the permission request without a key.
    """
    world.set_gateway(allowed_origins=(PAGE,))
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
        "Access-Control-Request-Private-Network": "true",
    }

    async with stranger.options("/v1/chat/completions", headers=asked) as response:
        headers = response.headers

    assert response.status == 204
    assert headers["Access-Control-Allow-Origin"] == PAGE
    assert headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert "POST" in headers["Access-Control-Allow-Methods"]
    assert headers["Access-Control-Allow-Private-Network"] == "true"


async def test_other_pages_get_no_permission(world: World, stranger: aiohttp.ClientSession) -> None:
    """
    The browser then never sends the request itself.
    """
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}

    async with stranger.options("/v1/chat/completions", headers=asked) as response:
        assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_private_network_is_not_offered_unasked(
    world: World, stranger: aiohttp.ClientSession
) -> None:
    """
    Only a browser that asks is told that this machine may be reached from a public page.
    """
    world.set_gateway(allowed_origins=(PAGE,))
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}

    async with stranger.options("/v1/models", headers=asked) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Headers"] == "*"
        assert "Access-Control-Allow-Private-Network" not in response.headers


async def test_the_name_the_gateway_listens_on_is_known(
    world: World, stranger: aiohttp.ClientSession
) -> None:
    """
    And no other.
    """
    world.set_gateway(host="desk.lan")

    for host, status in (("desk.lan", 200), ("other.lan", 403)):
        async with stranger.get("/healthz", headers={"Host": host}) as response:
            assert response.status == status
