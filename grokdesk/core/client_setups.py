"""The programs that can be connected: what each needs, and what goes into its settings file. Pure.

The facts are those of docs/clients.md, which names their sources.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from grokdesk.core.jsonc import Json

CONTEXT_TOKENS: Final = 128_000
"""Grok's web chat does not tell the size of its context; this is a careful figure."""
FAST: Final = "grok-4.20-fast"
_AUTO: Final = "grok-4.20-auto"
_EXPERT: Final = "grok-4.20-expert"


class Kind(StrEnum):
    """Where a program is used."""

    TERMINAL = "terminal"
    EDITOR = "editor"
    CHAT = "chat"
    LIBRARY = "library"


class Speaks(StrEnum):
    """The format a program asks in."""

    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"


class FileKind(StrEnum):
    """How a settings file is written."""

    JSON = "json"
    TOML = "toml"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Client:
    """A program. `agents` are beginnings of what it calls itself, in lower case.

    `file` is how its settings file is written; None when it has none that can be changed from outside.
    """

    id: str
    name: str
    kind: Kind
    speaks: Speaks = Speaks.CHAT
    agents: tuple[str, ...] = ()
    file: FileKind | None = None


CLIENTS: Final = (
    Client(
        "claude-code",
        "Claude Code",
        Kind.TERMINAL,
        Speaks.MESSAGES,
        ("claude-cli/", "claude-code/"),
        FileKind.JSON,
    ),
    Client("codex", "Codex", Kind.TERMINAL, Speaks.RESPONSES, ("codex",), FileKind.TOML),
    Client("aider", "aider", Kind.TERMINAL, file=FileKind.YAML),
    Client("cline", "Cline", Kind.EDITOR),
    Client("continue", "Continue", Kind.EDITOR, file=FileKind.YAML),
    Client("cursor", "Cursor", Kind.EDITOR),
    Client("zed", "Zed", Kind.EDITOR, agents=("zed/",), file=FileKind.JSON),
    Client("jetbrains", "JetBrains AI Assistant", Kind.EDITOR),
    Client("open-webui", "Open WebUI", Kind.CHAT),
    Client("openai", "OpenAI's library", Kind.LIBRARY, agents=("openai/", "asyncopenai/")),
    Client(
        "anthropic", "Anthropic's library", Kind.LIBRARY, Speaks.MESSAGES, ("anthropic/", "asyncanthropic/")
    ),
    Client("langchain", "LangChain", Kind.LIBRARY),
    Client("curl", "curl", Kind.LIBRARY, agents=("curl/",)),
)
BY_ID: Final[Mapping[str, Client]] = {client.id: client for client in CLIENTS}


def is_own_key(name: str) -> bool:
    """Whether a key of this name belongs to one program alone."""
    return any(client.name == name for client in CLIENTS)


@dataclass(frozen=True, slots=True)
class Values:
    """What is filled in: the address in OpenAI's form, a key, and a model with a small and a large one."""

    base_url: str
    key: str
    model: str
    small: str = ""
    large: str = ""

    @property
    def root(self) -> str:
        """The address in Anthropic's form."""
        return self.base_url.removesuffix("/v1")


def beside(model: str, servable: Sequence[str]) -> tuple[str, str]:
    """The small and the large model to go with `model`, of those that accounts can serve."""
    return (FAST if FAST in servable else model), (_EXPERT if _EXPERT in servable else model)


def best_model(servable: Sequence[str]) -> str:
    """The model to begin with."""
    return next((name for name in (_AUTO, FAST) if name in servable), servable[0] if servable else FAST)


# --- settings files -----------------------------------------------------------------------------------------

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Put:
    """A value in a settings file.

    `entry` marks an item of a list: `path` is the list and the first line of the item, `value` its lines.
    """

    path: Path
    value: Json
    entry: bool = False


def puts(client: Client, values: Values, *, blank: bool) -> list[Put]:
    """What goes into the settings file of a program. `blank`: there is nothing in it yet."""
    match client.id:
        case "claude-code":
            return [
                Put(("env", name), value)
                for name, value in (
                    ("ANTHROPIC_BASE_URL", values.root),
                    ("ANTHROPIC_AUTH_TOKEN", values.key),
                    ("ANTHROPIC_MODEL", values.model),
                    ("ANTHROPIC_DEFAULT_OPUS_MODEL", values.large or values.model),
                    ("ANTHROPIC_DEFAULT_SONNET_MODEL", values.model),
                    ("ANTHROPIC_DEFAULT_HAIKU_MODEL", values.small or values.model),
                )
            ]
        case "codex":
            provider = ("model_providers", "grokdesk")
            return [
                Put(("model",), values.model),
                Put(("model_provider",), "grokdesk"),
                Put((*provider, "name"), "GrokDesk"),
                Put((*provider, "base_url"), values.base_url),
                Put((*provider, "experimental_bearer_token"), values.key),
                Put((*provider, "wire_api"), "responses"),
            ]
        case "aider":
            return [
                Put(("openai-api-base",), values.base_url),
                Put(("openai-api-key",), values.key),
                Put(("model",), f"openai/{values.model}"),
            ]
        case "continue":
            first = "name: GrokDesk"
            entry: list[Json] = [
                first,
                "provider: openai",
                f"model: {values.model}",
                f"apiBase: {values.base_url}",
                f"apiKey: {values.key}",
                "roles: [chat, edit, apply]",
            ]
            head = [Put(("name",), "GrokDesk"), Put(("version",), "0.0.1"), Put(("schema",), "v1")]
            return [*(head if blank else []), Put(("models", first), entry, entry=True)]
        case "zed":
            zed = ("language_models", "openai_compatible", "grokdesk")
            model: dict[str, Json] = {
                "name": values.model,
                "display_name": f"GrokDesk {values.model}",
                "max_tokens": CONTEXT_TOKENS,
                "capabilities": {
                    "tools": True,
                    "images": True,
                    "parallel_tool_calls": True,
                    "prompt_cache_key": False,
                },
            }
            return [
                Put((*zed, "api_url"), values.base_url),
                Put((*zed, "available_models"), [model]),
            ]
        case _:
            return []


def holds_key(client: Client) -> bool:
    """Whether the key stands in the settings file itself."""
    return client.file is not None and client.id != "zed"


# --- what to type or to paste -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a program's own settings, under the name it has there."""

    label: str
    value: str
    secret: bool = False


def fields(client: Client, values: Values) -> list[Field]:
    """What to enter by hand, for programs that are set up in a form of their own."""
    match client.id:
        case "cline":
            return [
                Field("API Provider", "OpenAI Compatible"),
                Field("Base URL", values.base_url),
                Field("API Key", values.key, secret=True),
                Field("Model ID", values.model),
            ]
        case "cursor":
            return [
                Field("OpenAI API Key", values.key, secret=True),
                Field("Override OpenAI Base URL", "https://YOUR-TUNNEL/v1"),
                Field("Models → Add model", values.model),
            ]
        case "jetbrains":
            return [
                Field("Provider", "OpenAI-compatible"),
                Field("URL", values.base_url),
                Field("API Key", values.key, secret=True),
                Field("Model", values.model),
            ]
        case "open-webui":
            return [Field("URL", values.base_url), Field("Key", values.key, secret=True)]
        case "zed":
            return [Field("Agent settings → LLM Providers → grokdesk", values.key, secret=True)]
        case _:
            return []


def snippet(client: Client, values: Values) -> str:
    """What to paste, for programs that are set up by a text; empty for the others."""
    match client.id:
        case "claude-code" | "zed":
            made: dict[str, Json] = {}
            for put in puts(client, values, blank=True):
                place = made
                for name in put.path[:-1]:
                    inner = place.setdefault(name, {})
                    assert isinstance(inner, dict)
                    place = inner
                place[put.path[-1]] = put.value
            return json.dumps(made, indent=2, ensure_ascii=False)
        case "codex":
            return (
                f'model = "{values.model}"\n'
                'model_provider = "grokdesk"\n\n'
                "[model_providers.grokdesk]\n"
                'name = "GrokDesk"\n'
                f'base_url = "{values.base_url}"\n'
                f'experimental_bearer_token = "{values.key}"\n'
                'wire_api = "responses"'
            )
        case "aider":
            return (
                f"export OPENAI_API_BASE={values.base_url}\n"
                f"export OPENAI_API_KEY={values.key}\n"
                f"aider --model openai/{values.model}"
            )
        case "continue":
            return (
                "name: GrokDesk\nversion: 0.0.1\nschema: v1\nmodels:\n"
                "  - name: GrokDesk\n"
                "    provider: openai\n"
                f"    model: {values.model}\n"
                f"    apiBase: {values.base_url}\n"
                f"    apiKey: {values.key}\n"
                "    roles: [chat, edit, apply]"
            )
        case "openai":
            return (
                "from openai import OpenAI\n\n"
                f'client = OpenAI(base_url="{values.base_url}", api_key="{values.key}")\n'
                "answer = client.chat.completions.create(\n"
                f'    model="{values.model}",\n'
                '    messages=[{"role": "user", "content": "Hello"}],\n'
                ")\n"
                "print(answer.choices[0].message.content)"
            )
        case "anthropic":
            return (
                "from anthropic import Anthropic\n\n"
                f'client = Anthropic(base_url="{values.root}", api_key="{values.key}")\n'
                "answer = client.messages.create(\n"
                f'    model="{values.model}",\n'
                "    max_tokens=1024,\n"
                '    messages=[{"role": "user", "content": "Hello"}],\n'
                ")\n"
                "print(answer.content[0].text)"
            )
        case "langchain":
            return (
                "from langchain_openai import ChatOpenAI\n\n"
                "model = ChatOpenAI(\n"
                f'    model="{values.model}",\n'
                f'    base_url="{values.base_url}",\n'
                f'    api_key="{values.key}",\n'
                ")\n"
                'print(model.invoke("Hello").content)'
            )
        case "curl":
            return (
                f"curl {values.base_url}/chat/completions \\\n"
                f'  -H "Authorization: Bearer {values.key}" \\\n'
                '  -H "Content-Type: application/json" \\\n'
                f'  -d \'{{"model": "{values.model}", '
                '"messages": [{"role": "user", "content": "Hello"}]}\''
            )
        case _:
            return ""
