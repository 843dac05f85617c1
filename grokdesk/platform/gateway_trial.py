"""A small real request to our own gateway, as a program would send it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from grokdesk.core.client_setups import Speaks
from grokdesk.core.secret import Secret
from grokdesk.core.visits import OWN_AGENT

_QUESTION: Final = "Reply with one word: ok"
_TOKENS: Final = 64
_LIMIT_S: Final = 120
_PATHS: Final = {
    Speaks.CHAT: "/v1/chat/completions",
    Speaks.RESPONSES: "/v1/responses",
    Speaks.MESSAGES: "/v1/messages",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it: how many models are listed, and what was answered; or why not, in a sentence."""

    models: int = 0
    answer: str = ""
    failure: str = ""

    @property
    def works(self) -> bool:
        """Whether there was an answer."""
        return not self.failure


async def try_out(root: str, key: Secret, model: str, speaks: Speaks) -> Trial:
    """List the models and ask one question at `root`, such as `http://127.0.0.1:4765`.

    The requests call themselves a test, so that nobody takes them for a program's.
    """
    headers = {"User-Agent": f"{OWN_AGENT}/1", "Authorization": f"Bearer {key.reveal()}"}
    if speaks is Speaks.MESSAGES:
        headers["anthropic-version"] = "2023-06-01"
    limit = aiohttp.ClientTimeout(total=_LIMIT_S)
    try:
        async with aiohttp.ClientSession(root, headers=headers, timeout=limit, trust_env=False) as session:
            async with session.get("/v1/models") as answer:
                body = await answer.json(content_type=None)
                if answer.status != 200:  # noqa: PLR2004 - HTTP's word for success
                    return Trial(failure=_sentence(body))
                models = len(body.get("data", ()))
            async with session.post(_PATHS[speaks], json=_body(model, speaks)) as answer:
                body = await answer.json(content_type=None)
                if answer.status != 200:  # noqa: PLR2004 - same
                    return Trial(models, failure=_sentence(body))
                return Trial(models, _text(body, speaks))
    except TimeoutError:
        return Trial(failure="No answer within two minutes.")
    except (aiohttp.ClientError, OSError):
        return Trial(failure="The gateway cannot be reached. Start it, then try again.")
    except (ValueError, LookupError, TypeError, AttributeError):
        return Trial(failure="Something else answers at this address. Another program may use the port.")


def _body(model: str, speaks: Speaks) -> Mapping[str, Any]:  # JSON
    match speaks:
        case Speaks.RESPONSES:
            return {"model": model, "input": _QUESTION, "store": False}
        case Speaks.MESSAGES:
            return {
                "model": model,
                "max_tokens": _TOKENS,
                "messages": [{"role": "user", "content": _QUESTION}],
            }
        case Speaks.CHAT:
            return {"model": model, "messages": [{"role": "user", "content": _QUESTION}]}


def _text(body: Any, speaks: Speaks) -> str:  # noqa: ANN401 - JSON
    match speaks:
        case Speaks.RESPONSES:
            parts = [part for item in body["output"] if item["type"] == "message" for part in item["content"]]
            return "".join(part.get("text", "") for part in parts)
        case Speaks.MESSAGES:
            return "".join(part.get("text", "") for part in body["content"] if part["type"] == "text")
        case Speaks.CHAT:
            return str(body["choices"][0]["message"]["content"] or "")


def _sentence(body: Any) -> str:  # noqa: ANN401 - JSON
    return str(body["error"]["message"])
