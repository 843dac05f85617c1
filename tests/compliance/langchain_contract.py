"""What LangChain asks of every chat model, asked of its three clients of this program.

`make compliance` runs it in an environment of its own; the suite does not collect it. The unit tests look at
the clients alone, the integration tests talk to the whole program, whose Grok is that of `clever`.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Final
from unittest.mock import ANY, Mock

import httpx
import orjson
import pytest
from anyio.from_thread import start_blocking_portal
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from grokdesk.core.accounts import Mode, WindowSource
from grokdesk.sim import Script, Simulator, World, text
from tests.compliance import clever
from tests.rig import FAST, Rig, basic, running, token

ALSO_FAST: Final = "grok-chat-fast"
NOBODY: Final = "http://127.0.0.1:9"
KEY: Final = "gd-nobody"
PICTURE: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
DOCUMENT: Final = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
RECORDING: Final = (
    b"RIFF$\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00@\x1f\x00\x00\x80>\x00\x00\x02\x00\x10\x00"
    b"data\x00\x00\x00\x00"
)
FILES: Final = {".png": PICTURE, ".pdf": DOCUMENT, ".wav": RECORDING}

NOT_VERSION_1: Final = "Anthropic's client makes schemas of pydantic 2's models only"
NOT_FORCED: Final = (
    "ChatAnthropic leaves tool_choice out when it asks for thinking, as Anthropic refuses both"
)

# Other people's warnings are about other people's code.
pytestmark = pytest.mark.filterwarnings("ignore")


def answer(prompt: str, mode: str, rng: random.Random) -> Script:
    """As `clever`, but a JSON object that has no schema gets the members that the question names."""
    if "one JSON object" not in prompt or "JSON schema" in prompt:
        return clever.answer(prompt, mode, rng)
    return text(orjson.dumps({name: f"a {name}" for name in re.findall(r"'(\w+)'", prompt)}).decode())


@asynccontextmanager
async def program(folder: Path) -> AsyncIterator[Rig]:
    """The program, and an account that it knows to have questions enough for everything."""
    world = World(time.time, random.Random(1))  # noqa: TID251 - the clock the simulator is given
    world.improvise = answer
    basic(world, "a").quota["fast"].remaining = 10_000
    async with Simulator(world).started() as sim, running(folder, sim, world) as rig:
        (account,) = await rig.add(token("a"))
        rig.app.checks.start([account.id])
        await rig.until(lambda: rig.account(token("a")).windows[Mode.FAST].source is WindowSource.REAL)
        yield rig


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The program in a thread of its own: half of the contract blocks the thread it runs in."""
    folder = tmp_path_factory.mktemp("program")
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(program(folder)) as rig:
        yield rig


@pytest.fixture
def snapshot() -> Any:  # noqa: ANN401 - of any model
    """How LangChain writes its clients down is not ours to pin; that it reads them back is still tested."""
    return Mock(return_value=ANY)


class Client:
    """One of LangChain's clients: how it is made, and which of its wishes the program fulfils."""

    chat_model_class: type[BaseChatModel]

    def params(self, url: str, key: str) -> dict[str, Any]:
        raise NotImplementedError


class Chat(Client):
    """ChatOpenAI over Chat Completions."""

    chat_model_class = ChatOpenAI
    # The environment, the arguments, what the client has then.
    init_from_env_params = (
        {"OPENAI_API_KEY": KEY, "OPENAI_API_BASE": f"{NOBODY}/v1"},
        {"model": FAST},
        {"openai_api_key": KEY, "openai_api_base": f"{NOBODY}/v1"},
    )
    supports_json_mode = True
    supports_audio_inputs = True

    def params(self, url: str, key: str) -> dict[str, Any]:
        # It asks for usage by itself only where the address is OpenAI's.
        return {"model": FAST, "base_url": f"{url}/v1", "api_key": key, "stream_usage": True}


class Responses(Chat):
    """ChatOpenAI over Responses."""

    def params(self, url: str, key: str) -> dict[str, Any]:
        return {**super().params(url, key), "use_responses_api": True}


class Messages(Client):
    """ChatAnthropic over Messages. It has no JSON mode and sends no recordings."""

    chat_model_class = ChatAnthropic
    init_from_env_params = (
        {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": NOBODY},
        {"model": FAST},
        {"anthropic_api_key": KEY, "anthropic_api_url": NOBODY},
    )

    def params(self, url: str, key: str) -> dict[str, Any]:
        return {"model": FAST, "base_url": url, "api_key": key}


class MessagesWithThinking(Messages):
    """The same, asked for thinking, and for JSON by a schema instead of a call."""

    structured_output_kwargs: ClassVar = {"method": "json_schema"}

    def params(self, url: str, key: str) -> dict[str, Any]:
        return {**super().params(url, key), "thinking": {"type": "enabled", "budget_tokens": 1024}}


class Alone(Client):
    """A client that nobody answers."""

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return self.params(NOBODY, KEY)


class AtTheProgram(Client):
    """A client of the program, and what the program can do whichever way it is asked.

    It can fetch pictures, too, but the address that the contract names is not on this machine, hence no
    `supports_image_urls`.
    """

    rig: Rig
    model_override_value = ALSO_FAST
    supports_anthropic_inputs = True
    supports_image_inputs = True
    supports_image_tool_message = True
    supports_pdf_inputs = True
    supports_pdf_tool_message = True
    supported_usage_metadata_details: ClassVar = {
        "invoke": ["reasoning_output"],
        "stream": ["reasoning_output"],
    }

    @pytest.fixture(autouse=True)
    def _program(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Each test has the program, and the files that the contract would fetch from elsewhere."""
        self.rig = rig
        monkeypatch.setattr(httpx, "get", lambda url, **_: httpx.Response(200, content=FILES[url[-4:]]))
        yield
        assert rig.sim.violations == []

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return self.params(self.rig.url, self.rig.key)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        model = self.chat_model_class(**self.chat_model_params)
        if not stream:
            return model.invoke("Hello")
        first, *others = model.stream("Hello")
        return sum(others, first)


class TestChatAlone(Alone, Chat, ChatModelUnitTests):
    pass


class TestResponsesAlone(Alone, Responses, ChatModelUnitTests):
    pass


class TestMessagesAlone(Alone, Messages, ChatModelUnitTests):
    pass


class TestChat(AtTheProgram, Chat, ChatModelIntegrationTests):
    pass


class TestResponses(AtTheProgram, Responses, ChatModelIntegrationTests):
    pass


class TestMessages(AtTheProgram, Messages, ChatModelIntegrationTests):
    pass


class TestMessagesWithThinking(AtTheProgram, MessagesWithThinking, ChatModelIntegrationTests):
    @pytest.mark.xfail(reason=NOT_FORCED, strict=True)
    def test_tool_choice(self, model: BaseChatModel) -> None:
        super().test_tool_choice(model)

    @pytest.mark.xfail(reason=NOT_VERSION_1, strict=True)
    def test_structured_output_pydantic_2_v1(self, model: BaseChatModel) -> None:
        super().test_structured_output_pydantic_2_v1(model)
