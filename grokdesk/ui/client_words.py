"""What is said about each program that can be connected. The facts are those of docs/clients.md."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from grokdesk.core.client_setups import Client, Kind


def _tr(text: str) -> str:
    return QCoreApplication.translate("Clients", text)


def kind(one: Kind) -> str:
    """The name of a kind of programs."""
    return {
        Kind.TERMINAL: _tr("Terminal"),
        Kind.EDITOR: _tr("Editors"),
        Kind.CHAT: _tr("Chat"),
        Kind.LIBRARY: _tr("Libraries"),
    }[one]


def name(client: Client) -> str:
    """The name of a program."""
    return {
        "openai": _tr("OpenAI's library"),
        "anthropic": _tr("Anthropic's library"),
    }.get(client.id, client.name)


def where(client: Client, file: str) -> str:
    """Where what is shown goes. `file` is the settings file as it is shown."""
    match client.id:
        case "claude-code" | "codex" | "continue" | "zed":
            return _tr("In %1:").replace("%1", file)
        case "aider":
            return _tr("In the shell, or in %1:").replace("%1", file)
        case "cline":
            return _tr("In its settings (the gear in its panel):")
        case "cursor":
            return _tr("In Settings → Models → API Keys:")
        case "jetbrains":
            return _tr("In Settings → Tools → AI Assistant → Models & API Keys → Third-party AI providers:")
        case "open-webui":
            return _tr("In Admin Settings → Connections → OpenAI → Add:")
        case _:
            return _tr("Python:") if client.id != "curl" else _tr("In a shell:")


def warning(client: Client) -> str:
    """What has to be known before it is tried; empty for most."""
    if client.id == "cursor":
        return _tr(
            "Cursor cannot use an address on this computer. Your key and address go to Cursor's "
            "servers, and those "
            "make the call and refuse private addresses. The only way is a public https address that "
            "leads to this "
            "computer. We advise against it: whoever has a key of yours then reaches your accounts "
            "from anywhere."
        )
    return ""


def notes(client: Client) -> list[str]:
    """What helps to know."""
    match client.id:
        case "claude-code":
            return [
                _tr("There is no /v1 in this address: Claude Code adds it itself."),
                _tr(
                    "Unset ANTHROPIC_API_KEY in your shell: beside the token, it may be sent instead "
                    "of it. /status in "
                    "Claude Code shows which address and key are used."
                ),
                _tr("The file is yours alone. Keep the key out of a project's .claude/settings.json."),
            ]
        case "codex":
            return [
                _tr('Codex reads the file when it starts. Try it with: codex exec "Say ok."'),
                _tr("It cannot be set for one project."),
            ]
        case "aider":
            return [
                _tr("The beginning openai/ is aider's own and does not reach GrokDesk."),
                _tr("--no-show-model-warnings silences the remark that the model is not in aider's list."),
            ]
        case "cline":
            return [_tr("Its switch for images may be on. A context of 128000 is a careful figure.")]
        case "continue":
            return [
                _tr(
                    "Leave the role autocomplete to a model on this computer: Grok is slow for "
                    "completion while typing."
                )
            ]
        case "cursor":
            return [
                _tr(
                    "If you do it all the same, put the host name of your tunnel on the list under "
                    "“Containers and other "
                    "names”, and write it in place of YOUR-TUNNEL."
                )
            ]
        case "zed":
            return [
                _tr(
                    "The key goes into Agent settings → LLM Providers, where Zed keeps it in the "
                    "keychain; not into the file."
                ),
                _tr("Zed does not read the list of models, so the model stands in the file."),
            ]
        case "jetbrains":
            return [
                _tr(
                    "Then choose the model in the AI Chat window. Completion while typing stays with "
                    "JetBrains' models."
                )
            ]
        case "open-webui":
            return [
                _tr("It checks the address by reading the list of models."),
                _tr(
                    "If it runs in Docker, see “Containers and other names”: 127.0.0.1 is the "
                    "container there."
                ),
            ]
        case "openai":
            return [_tr("Or set OPENAI_BASE_URL and OPENAI_API_KEY.")]
        case "anthropic":
            return [_tr("Or set ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY. There is no /v1 in this address.")]
        case "langchain":
            return [
                _tr("ChatAnthropic works as well, with the address without /v1."),
                _tr("use_responses_api=True shows Grok's thinking."),
            ]
        case _:
            return []


def after(client: Client) -> str:
    """What is still to be done when the file is set up; empty for most."""
    match client.id:
        case "zed":
            return _tr("Now paste the key in Zed under Agent settings → LLM Providers.")
        case "claude-code" | "codex" | "aider":
            return _tr("Start it anew, then ask something.")
        case "continue":
            return _tr("Choose GrokDesk as the model in Continue, then ask something.")
        case _:
            return ""
