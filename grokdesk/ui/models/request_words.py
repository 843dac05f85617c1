"""A request in words: how it came, what each try met, what was done next, where to go now, and as curl."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QCoreApplication

from grokdesk.core.runs import DIALECTS, RunRecord, RunState, Try
from grokdesk.ui.languages import told

KEY_VARIABLE: Final = "GROKDESK_KEY"
_PATHS: Final = {dialect: path for path, dialect in DIALECTS.items()}
_FORMS: Final = {"image_edits", "image_variations"}


@dataclass(frozen=True, slots=True)
class Step:
    """A place to go to, and what the button says."""

    text: str
    where: str


def dialect(run: RunRecord) -> str:
    """In which format a request came."""
    return {
        "chat": _tr("OpenAI Chat Completions"),
        "completions": _tr("OpenAI Completions"),
        "anthropic": _tr("Anthropic Messages"),
        "responses": _tr("OpenAI Responses"),
        "compact": _tr("OpenAI Responses, compact"),
        "images": _tr("Images"),
        "image_edits": _tr("Image edits"),
        "image_variations": _tr("Image variations"),
        "videos": _tr("Videos"),
    }.get(run.dialect, _tr("GrokDesk itself") if not run.request_id else "–")


def outcome(run: RunRecord, number: int) -> str:
    """What a try met, in words, with the status Grok answered."""
    one = run.tries[number]
    if one.failure:
        if one.status:
            return _tr("%1: %2").replace("%1", str(one.status)).replace("%2", told(one.failure))
        return told(one.failure)
    if number == len(run.tries) - 1:
        match run.state:
            case RunState.DONE:
                return _tr("Answered.")
            case RunState.RUNNING:
                return _tr("Is being asked.")
            case RunState.STOPPED:
                return _tr("You stopped it.")
            case RunState.LEFT:
                return _tr("The app left before the end.")
            case RunState.FAILED:
                pass
    return "–"


def what_next(run: RunRecord, number: int) -> str:
    """What was done after a try that failed."""
    one = run.tries[number]
    if not one.failure:
        return ""
    if number + 1 == len(run.tries):
        if run.state is RunState.RUNNING:
            return _tr("Somebody else is looked for.")
        return _tr("Nobody else was asked; the app heard of it.") if run.state is RunState.FAILED else ""
    after = run.tries[number + 1]
    if _who(after) != _who(one):
        return _tr("Then another account was asked.")
    if after.egress != one.egress:
        return _tr("Then the same account took another way out.")
    return _tr("Then the same was tried once more.")


def step(cause: str, egress: str, account_id: str) -> Step | None:
    """Where the owner can do something about a failure, by the kind of its cause."""
    match cause:
        case "Challenged" | "Stopped" | "NoClearance" | "SingledOut":
            return Step(_tr("Check Cloudflare"), f"network:cloudflare:{egress}")
        case "TakenForRobot":
            return Step(_tr("Change the signature"), "settings:grok_web.statsig")
        case "Unreachable" | "NoWay" | "UpstreamTimeout":
            return Step(_tr("Show this way out"), f"network:{egress}")
        case "RateLimited" | "AccountRejected" if account_id:
            return Step(_tr("Show this account"), f"accounts:id:{account_id}")
        case "NoAccount":
            return Step(_tr("Show the accounts"), "accounts")
        case "FormGone":
            return Step(_tr("Change the form of chat"), "settings:grok_web.chat_form")
        case "Broken":
            return Step(_tr("Show the log"), "logs")
        case _:
            return None


def steps(run: RunRecord) -> list[Step]:
    """Where to go because of the failures of a request, each place once."""
    # What ended it comes first.
    found = [step(one.cause, one.egress, one.account_id) for one in reversed(run.tries) if one.failure]
    if not run.tries:
        found.append(step(run.cause, run.egress, run.account))
    unique: list[Step] = []
    for one in found:
        if one is not None and one not in unique:
            unique.append(one)
    return unique


def _who(one: Try) -> str:
    return one.account_id or one.account


# --- as curl ------------------------------------------------------------------------------------------------


def curl(run: RunRecord, address: str, body: str = "") -> str:
    """The request as a command line for the gateway at `address`, such as `http://127.0.0.1:4765`.

    The key is that of the environment variable. Without `body`, or with one that is not whole, it asks the
    shortest question this format has.
    """
    spoken = run.dialect if run.dialect in _PATHS else "chat"
    lines = [f"curl {_quoted(address + _PATHS[spoken])}"]
    if run.stream:
        lines[0] += " -N"
    if spoken == "anthropic":
        lines += [f'-H "x-api-key: ${KEY_VARIABLE}"', "-H 'anthropic-version: 2023-06-01'"]
    else:
        lines.append(f'-H "Authorization: Bearer ${KEY_VARIABLE}"')
    if spoken in _FORMS:
        lines += [f"-F {_quoted(f'model={run.model}')}", "-F 'image=@picture.png'"]
        if spoken == "image_edits":
            lines.append("-F 'prompt=Say what is to change'")
    else:
        lines += [
            "-H 'Content-Type: application/json'",
            f"-d {_quoted(body if _is_request(body) else _shortest(run, spoken))}",
        ]
    return " \\\n  ".join(lines)


def _shortest(run: RunRecord, spoken: str) -> str:
    members: dict[str, object] = {"model": run.model}
    message = [{"role": "user", "content": "Hello"}]
    match spoken:
        case "chat":
            members["messages"] = message
        case "anthropic":
            members |= {"max_tokens": 256, "messages": message}
        case "completions" | "images" | "videos":
            members["prompt"] = "Hello" if spoken == "completions" else "A harbour at dawn"
        case _:
            members["input"] = "Hello"
    if run.stream and spoken != "videos":
        members["stream"] = True
    return json.dumps(members, ensure_ascii=False)


def _is_request(body: str) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


def _quoted(text: str) -> str:
    """A text as a shell takes it."""
    return "'" + text.replace("'", "'\\''") + "'"


def _tr(text: str) -> str:
    return QCoreApplication.translate("Requests", text)
