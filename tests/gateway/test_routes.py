"""Addresses: what is there, what is known to be missing, what was perhaps meant."""

from __future__ import annotations

import logging

import aiohttp
import openai
import pytest

from grokdesk import __version__
from grokdesk.core.catalog import MODELS
from tests.gateway.conftest import World


async def test_models_are_listed(world: World, client: openai.AsyncOpenAI) -> None:
    """
    In their order, with dates that never change.
    """
    listed = [model async for model in client.models.list()]

    assert [model.id for model in listed] == [model.name for model in MODELS]
    assert {model.owned_by for model in listed} == {"xai"}
    assert [model.created for model in listed] == [model.created for model in MODELS]


async def test_a_model_is_described(world: World, client: openai.AsyncOpenAI) -> None:
    """
    By its id.
    """
    model = await client.models.retrieve("grok-4.20-fast")

    assert (model.id, model.object) == ("grok-4.20-fast", "model")
    assert model.model_extra == {"name": "Grok 4.20 Fast (best account first)"}


async def test_an_unknown_model_is_not_described(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The official client raises `NotFoundError`.
    """
    with pytest.raises(openai.NotFoundError) as caught:
        await client.models.retrieve("gpt-9")

    assert caught.value.code == "model_not_found"


async def test_life_and_readiness(world: World, http: aiohttp.ClientSession) -> None:
    """
    Readiness says how many accounts could answer.
    """
    async with http.get("/healthz") as alive, http.get("/readyz") as ready:
        assert await alive.json() == {"status": "ok"}
        assert await ready.json() == {"status": "ready", "accounts": 3, "accounts_ready": 2}

    async with http.head("/healthz") as head:
        assert head.status == 200


async def test_the_front_door_says_where_the_api_is(world: World, http: aiohttp.ClientSession) -> None:
    """
    Under the name the client used.
    """
    async with http.get("/", headers={"Host": "localhost:4765"}) as response:
        told = await response.json()

    assert (told["name"], told["version"]) == ("GrokDesk", __version__)
    assert told["base_url"] == "http://localhost:4765/v1"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completion", "/v1/chat/completions"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/models/", "/v1/models"),
        ("/models", "/v1/models"),
        ("/something/else/entirely", "The API is under /v1."),
    ],
)
async def test_an_unknown_address_is_told_what_was_perhaps_meant(
    world: World, http: aiohttp.ClientSession, path: str, meant: str
) -> None:
    """
    In the envelope, like every failure.
    """
    async with http.post(path) as response:
        told = await response.json()

    assert response.status == 404
    assert told["error"]["code"] == "not_found"
    assert meant in told["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/vector_stores", "/v1/files/file-1"])
async def test_what_is_known_and_missing_says_so(
    world: World, http: aiohttp.ClientSession, path: str
) -> None:
    """
    A client of another service reads that this one cannot do it.
    """
    async with http.get(path) as response:
        told = await response.json()

    assert response.status == 404
    assert told["error"]["code"] == "unsupported"


async def test_a_wrong_method_names_the_right_one(world: World, http: aiohttp.ClientSession) -> None:
    """
    With the header that HTTP has for it.
    """
    async with http.get("/v1/completions") as response:
        told = await response.json()

    assert response.status == 405
    assert response.headers["Allow"] == "POST"
    assert told["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", ["/healthz", "/v1/models", "/v1/nothing"])
async def test_every_answer_carries_an_id(world: World, http: aiohttp.ClientSession, path: str) -> None:
    """
    And what else OpenAI's servers say.
    """
    async with http.get(path) as response:
        headers = response.headers

    assert headers["x-request-id"].startswith("req_")
    assert headers["openai-processing-ms"].isdigit()
    assert headers["openai-version"]
    assert headers["Server"] == "GrokDesk"


async def test_every_request_is_one_line_in_the_log(
    world: World, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """
    With the id the client was told, and never with what was said.
    """
    caplog.set_level(logging.INFO, "grokdesk.gateway")
    body = {"model": "grok-4.20-fast", "messages": [{"role": "user", "content": "my secret plan"}]}

    async with http.post("/v1/chat/completions?x=1", json=body) as response:
        request_id = response.headers["x-request-id"]

    (line,) = [record.message for record in caplog.records if record.message.startswith("request answered")]
    assert f"id={request_id} method=POST path=/v1/chat/completions status=200" in line
    assert "client=Editor" in line
    assert "secret" not in caplog.text
    assert "Hello" not in caplog.text
