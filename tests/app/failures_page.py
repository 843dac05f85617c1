"""`docs/failures.md`, made of the cases of `tests/app/failures.py` and of nothing else."""

# ruff: noqa: E501 - lines of the page

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from textwrap import fill
from typing import Final

import orjson

from grokdesk.core.accounts import Status
from grokdesk.core.egress import Standing
from grokdesk.sim.script import Raw, Refusal, StreamError
from tests.app.failures import (
    FORMS,
    IN_TWO_MINUTES,
    SECTIONS,
    WINDOW_S,
    AccountAfter,
    Case,
    Meaning,
    Place,
    Scene,
    Section,
    WayAfter,
)
from tests.app.media_failures import FILM, ROWS, Row

PATH: Final = Path(__file__).resolve().parents[2] / "docs" / "failures.md"

_WIDTH: Final = 120
_HEAD: Final = """\
<!-- Written by `make failures` from tests/app/failures.py, whose cases are all played by the tests. -->

# When something fails

What Grok, Cloudflare or a proxy may answer instead of an answer, what GrokDesk makes of it, and what you can do. Every
row was played with the whole program against a simulated Grok, in both forms of its chat unless a form is named, and
what a row says of an account was still so after another start of the program.

How to read the tables:

* **What Grok answered** is the status, and what stood in the body. The same is in the log, with `logging.level = debug`.
* **What it means** is the sentence GrokDesk says: to the client, in the list of requests, and with the account.
* **The account afterwards** and **the way out afterwards** tell who is held responsible. See [accounts](accounts.md) and
  [ways out](egress.md). *Rests* means: for so long, twice as long with every further failure in a row, it is left alone
  while there is another; then one request tries it.
* **Tried again** happens before the first word has gone out, up to `retry.more_tries` times, and nobody hears of it. A
  client hears of a failure only when there is nobody else to turn to.
* **What your client hears** is HTTP status and error code of the OpenAI formats; the Anthropic format says the same in its
  own words. Beside it stand the sentence of *what it means* and that of *what to do*.
"""
_COLUMNS: Final = (
    "What Grok answered",
    "What it means",
    "The account afterwards",
    "The way out afterwards",
    "Tried again",
    "What your client hears",
    "What to do",
)
_MEDIA_COLUMNS: Final = ("What happens", "What your client hears", "The account afterwards")
_OWNER_COLUMNS: Final = (*_COLUMNS[:4], "Tried again", "What you hear", "What to do")


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD, *(_section(section) for section in SECTIONS), _media()]
    return "\n".join(parts)


def _section(section: Section) -> str:
    acts = section.cases[0].place in _WHERE_ACTED
    columns = _OWNER_COLUMNS if acts else _COLUMNS
    rows: dict[tuple[Meaning, str, Scene], list[Case]] = {}
    for case in section.cases:
        rows.setdefault((case.meaning, case.said, case.scene), []).append(case)
    lines = [_row(columns), _row(["---"] * len(columns))]
    lines += [_row(_cells(meaning, cases)) for (meaning, _, _), cases in rows.items()]
    return "\n".join([f"## {section.title}", "", fill(section.about, _WIDTH), "", *lines, ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(meaning: Meaning, cases: Sequence[Case]) -> tuple[str, ...]:
    case = cases[0]
    return (
        "<br>".join(_answers(cases)),
        _cell(meaning.message) or "–",
        _account(meaning.account),
        _way(meaning.way),
        _again(meaning, case),
        _heard(meaning, case),
        _cell(meaning.hint) or "–",
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# --- what Grok answered ---------------------------------------------------------------------------------------


def _answers(cases: Sequence[Case]) -> list[str]:
    """What was answered, once for the same body with several statuses or in several calls."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for case in cases:
        status, body = _answer(case)
        found.setdefault((body, _limited_to(case, cases)), {})[status] = None
    return [
        " ".join(part for part in (", ".join(filter(None, statuses)), body, limit) if part)
        for (body, limit), statuses in found.items()
    ]


def _limited_to(case: Case, cases: Sequence[Case]) -> str:
    """Which form it was played in, if that was one of the two; of a check that goes on, in which of its calls."""
    if case.place is Place.CHECK and case.said:
        calls = dict.fromkeys(_CALLS[one.path] for one in cases if _answer(one) == _answer(case))
        return f"({', '.join(calls)})"
    forms = {form for one in cases if one.name == case.name for form in one.forms}
    return f"({case.forms[0]})" if len(forms) < len(FORMS) and case.place not in _WHERE_ACTED else ""


_CALLS: Final = {
    "/api/auth/session": "asked who it is",
    "/rest/media/imagine/quota_info": "asked about pictures and videos",
    "/grok_api_v2.GrokBuildBilling/GetGrokCreditsConfig": "asked about its week",
}


def _answer(case: Case) -> tuple[str, str]:
    """The status, and the rest."""
    script = case.first
    if script.refusal is not None:
        return str(script.refusal.status), _refusal(script.refusal)
    told = [incident for incident in script.incidents if isinstance(incident, StreamError)]
    if told:
        [error] = told
        return "", _code(_json({"code": error.code, "message": error.message, **(error.extra or {})}))
    raw = [step.data for step in script.steps if isinstance(step, Raw)]
    if raw and callable(case.script):
        return "", _code(raw[0].decode())
    return "", case.name


def _refusal(refusal: Refusal) -> str:
    headers = [
        f"with `{name}: {'two minutes from now, as a date' if value == IN_TWO_MINUTES else value}`"
        for name, value in (refusal.headers or {}).items()
        if name in _TELLING
    ]
    return " ".join([_body(refusal.body), *headers])


_TELLING: Final = ("Retry-After", "Location", "cf-mitigated", "X-Should-Retry")


def _body(body: bytes) -> str:
    if not body:
        return "and nothing else"
    if body.startswith(b"\0") or body[0] >= 0x80:
        return f"and {_code(body[5:].decode().split(chr(13))[0])} in the trailers"
    text = body.decode()
    if text.startswith("<"):
        return f"and the page *{_title(text)}*"
    return _code(text)


def _title(page: str) -> str:
    found: list[str] = []

    class Titles(HTMLParser):
        def handle_data(self, data: str) -> None:
            if self.lasttag == "title":
                found.append(data)

    Titles().feed(page)
    return found[0]


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def _json(value: Mapping[str, object]) -> str:
    return orjson.dumps(value).decode()


# --- what follows ---------------------------------------------------------------------------------------------


_OUT: Final = {
    Status.EXPIRED: "signed out: out of use until it has a new token, or a check finds it well",
    Status.BLOCKED: "blocked: out of use until a check finds it well",
}
_WHERE_ACTED: Final = {
    Place.CHECK,
    Place.ADULT,
    Place.FILES,
    Place.FILE,
    Place.CONVERSATIONS,
    Place.CONVERSATION,
}


def _account(account: AccountAfter) -> str:
    said = []
    if account.status in _OUT:
        said.append(_OUT[account.status])
    if account.used_up_s is not None:
        until = (
            "until they are full again"
            if account.used_up_s == WINDOW_S
            else f"for {_time(account.used_up_s)}"
        )
        said.append(f"no questions left in this mode {until}")
    if account.left_alone_s is not None and account.left_alone_s != account.used_up_s:
        said.append(f"not asked in it for {_time(account.left_alone_s)} whatever a check says")
    if account.rests_s is not None:
        said.append(f"rests {_time(account.rests_s)}")
    if not said:
        said.append("as it was; the failure is noted" if account.noted else "as it was")
    if account.unchecked:
        said.append("the check counts as failed")
    return "; ".join(said)


def _way(way: WayAfter) -> str:
    said = []
    if way.rests_s is not None:
        said.append(f"rests {_time(way.rests_s)}")
    if way.standing is Standing.CLEARED:
        said.append(
            "has a new clearance" if way.rests_s is None else "has a new clearance, which is of no use"
        )
    if way.standing is Standing.NEEDED:
        said.append("needs a clearance")
    return "; ".join(said) or "as it was"


_AGAIN: Final[Mapping[tuple[tuple[str, ...], str], str]] = {
    (("first one",), "second one"): "with another account",
    (("first one", "first one"), "second one"): "once with the same account, then with another",
    (("first one",), "first two"): "with the same account, on another way out",
    (("first one",), "first one"): "with the same account, when the clearance is there",
    (("first one", "first one"), "second two"): (
        "with the same account and a new clearance, then with another account on another way out"
    ),
    (("first one",), ""): "no",
    (("first one", "first two"), ""): "on every way out",
    (("first one", "first one"), ""): "once",
}
_AT_ONCE: Final = {
    Scene.AUTO: "at once, in the other form",
    Scene.CONTINUED: "at once, with the whole conversation",
    Scene.LEAVES: "no",
    Scene.STOPPED: "no",
    Scene.SOLVER_FAILS: "no, there being no other way out",
}


def _again(meaning: Meaning, case: Case) -> str:
    if case.scene in _AT_ONCE:
        return _AT_ONCE[case.scene]
    if case.place is Place.CHECK and case.said:
        return "no"
    return _AGAIN[meaning.tries, meaning.rescue]


def _heard(meaning: Meaning, case: Case) -> str:
    if case.place in _WHERE_ACTED:
        return f"*{case.said}*" if case.said else "the sentence"
    if meaning.rescue and not meaning.alone and case.scene is not Scene.STOPPED:
        return "nothing"
    said = f"{meaning.status} `{meaning.code}`"
    if meaning.retry_after_s == WINDOW_S:
        return f"{said}, to come back when they are full again"
    return f"{said}, to come back in {_time(meaning.retry_after_s)}" if meaning.retry_after_s else said


def _time(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds % 60 == 0 else f"{seconds} seconds"


# --- what is left ---------------------------------------------------------------------------------------------


def _media() -> str:
    lines = [_row(_MEDIA_COLUMNS), _row(["---"] * len(_MEDIA_COLUMNS))]
    lines += [_row((row.name, _media_heard(row), _media_account(row))) for row in ROWS]
    about = (
        "The same for pictures and films, which count on quotas of their own. Another account is asked as long as "
        "nothing can have been made; from then on nothing is repeated, because it might be made, and counted, twice. "
        "A film is a job: its failure stands in the job, with the code that is named. What is held back or lost is told "
        "with the sentences of the tables above, or with those of [pictures and films](media.md)."
    )
    return "\n".join(["## Pictures and films", "", fill(about, _WIDTH), "", *lines, ""])


def _media_heard(row: Row) -> str:
    if row.told.made:
        return "nothing of it: the file comes"
    return (
        f"`{row.told.code}` in the job" if row.asked.model == FILM else f"{row.told.status} `{row.told.code}`"
    )


def _media_account(row: Row) -> str:
    match row.status:
        case Status.EXPIRED:
            return "signed out"
        case Status.BLOCKED:
            return "blocked"
        case _:
            return "makes none of these for a while" if row.rests else "as it was"
