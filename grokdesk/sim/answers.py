"""What Grok says: builders of scripts, and the ordinary answer when nobody wrote one.

Every builder takes the members of `Wire` as keyword arguments: `text("Io", framing="glued", chunk_bytes=7)`.
"""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Unpack

import orjson

from grokdesk.sim.script import (
    Cite,
    CodeRun,
    Form,
    FoundImage,
    ImageChunk,
    ImageProgress,
    ImageTag,
    Json,
    Page,
    Pages,
    Post,
    Posts,
    Say,
    Script,
    Step,
    Think,
    ToolOutput,
    ToolUse,
    Transcript,
    Wire,
    WireOptions,
)

DRAWING = "Drawing: "
"""A prompt that begins with it is a wish for two pictures (media chapter 3)."""

FILLER = "Thinking about your request"

_WORD = re.compile(r"\s*\S+\s*$|\s*\S+")
_WORDS = ("river", "stone", "light", "morning", "paper", "signal", "harbour", "quiet", "orbit", "copper")
_LAST_USER = re.compile(
    r"(?:\A|\n)\[user\](?::[ \n]|\n)(?P<text>.*?)"
    r"(?=\n\n\[(?:[a-z]+|tool result[^\]]*)\](?::|\n)|\Z)",
    re.DOTALL,
)


# ----------------------------------------------------------------------------------------- builders


def text(
    content: str = "", *, pieces: Sequence[str] | int | None = None, **wire: Unpack[WireOptions]
) -> Script:
    """An answer, cut into words, into the given `pieces`, or into so many of them.

    With a number and no `content` it is that many invented words: the load of a benchmark.
    """
    match pieces:
        case None:
            parts = words(content)
        case int():
            parts = (
                _evenly(content, pieces)
                if content
                else [f" {_WORDS[n % len(_WORDS)]}" for n in range(pieces)]
            )
        case _:
            parts = list(pieces)
    return Script(steps=tuple(Say(part) for part in parts), wire=Wire(**wire), silent=not parts)


def thinking(
    *,
    header: str | Sequence[str] = (),
    summary: str | Sequence[str] = (),
    raw: str | Sequence[str] = (),
    rollout: str = "Grok",
    **wire: Unpack[WireOptions],
) -> Script:
    """Reasoning in front of an answer: headers, then summaries, then the model's own words."""
    steps = [Think(part, "header", step, rollout) for step, part in enumerate(_each(header))]
    steps += [Think(part, "summary", step, rollout) for step, part in enumerate(_each(summary), 1)]
    steps += [Think(part, "raw", 1, rollout) for part in _each(raw)]
    return Script(steps=tuple(steps), wire=Wire(**wire))


_PAGES = (
    Page(
        "https://sky.example.org/eclipse-2026", "Total eclipse of 12 August 2026", "The path crosses Spain…"
    ),
    Page("https://News.Example.com/eclipse", "Spain prepares", "Hotels are booked out…"),
)
_POSTS = (Post("1912000000000000042", "skywatcher", "Totality near sunset!", "Sky Watcher"),)


def search(
    answer: str | Sequence[str | int] = ("The next one is on **12 August 2026**", 0, ", near sunset", 2, "."),
    *,
    query: str = "total solar eclipse Spain August 2026",
    pages: Sequence[Page] = _PAGES,
    posts: Sequence[Post] = _POSTS,
    **wire: Unpack[WireOptions],
) -> Script:
    """A web search (and an X search, if there are `posts`), then an answer that names sources.

    A number in `answer` cites that source, pages first. A plain text cites the first one at its end.
    """
    urls = [page.url for page in pages] + [post.url for post in posts]
    steps: list[Step] = [Think(FILLER, "header", 0), ToolUse("tc-201", "webSearch", {"query": query})]
    steps.append(Pages("tc-201", tuple(pages)))
    if posts:
        steps += [ToolUse("tc-202", "xSearch", {"query": query}), Posts("tc-202", tuple(posts))]
    for part in (answer, 0) if isinstance(answer, str) else answer:
        if isinstance(part, int):
            steps.append(Cite(urls[part], f"c-{part}", part))
        else:
            steps += [Say(word) for word in words(part)]
    return Script(steps=tuple(steps), wire=Wire(**wire))


def found_image(
    title: str = "Path of totality",
    *,
    thumbnail: str = "https://img.example.org/t/path.jpg",
    original: str = "https://img.example.org/path.jpg",
    link: str = "https://sky.example.org/map",
    **wire: Unpack[WireOptions],
) -> Script:
    """A picture found on the web, at this place of the answer."""
    return Script(steps=(FoundImage("i-1", title, thumbnail, original, link),), wire=Wire(**wire))


def heavy(
    answer: str = "Fundy reaches about 16.3 m, the Severn about 14.5 m.",
    *,
    agents: int = 2,
    topic: str = "tidal ranges",
    **wire: Unpack[WireOptions],
) -> Script:
    """Several agents at work, reporting to the leader, who alone writes the answer (§11.3)."""
    names = [f"Agent {number}" for number in range(1, agents + 1)]
    plan = {"message": f"Everybody: collect figures on {topic}.", "to": "All"}
    steps: list[Step] = [
        Think(FILLER, "header", 0),
        Think("Splitting the question between the agents", "header", 1),
        ToolUse("tc-100", "chatroomSend", plan),
    ]
    for number, name in enumerate(names, 1):
        steps.append(Think(f"- Looking for a good source on {topic}.\n", "summary", 1, name))
        steps.append(ToolUse(f"tc-{100 + number}", "webSearch", {"query": f"{topic} {number}"}, name))
    for number, name in enumerate(names, 1):
        page = Page(
            f"https://sources.example.org/{number}", f"{topic.capitalize()}, part {number}", "Figures…"
        )
        steps.append(Pages(f"tc-{100 + number}", (page,), name))
        steps.append(ToolOutput(f"tc-{100 + number}", '{"ok":true}', name, 2))
    first = names[0] if names else "Grok"
    program = {"code": "print(round(16.3-14.5,1))", "language": "python"}
    steps += [
        ToolUse("tc-150", "codeExecution", program, first, 2),
        CodeRun("tc-150", "1.8\n", rollout=first, step=2),
    ]
    for number, name in enumerate(names, 1):
        report = {"message": f"Part {number} is done.", "to": "Grok"}
        steps.append(ToolUse(f"tc-{160 + number}", "chatroomSend", report, name, 2))
    steps.append(Think("- The reports agree.\n", "summary", 3))
    steps += [Say(word) for word in words(answer)]
    if names:
        steps.insert(len(steps) - 1, Think("- Closing the room.\n", "summary", 3, names[-1]))
    return Script(steps=tuple(steps), wire=Wire(**wire))


ToolForm = Literal["xml", "json", "array", "function_call", "invoke"]


def tool_text(
    *calls: tuple[str, Mapping[str, object] | str],
    before: str = "",
    after: str = "",
    form: ToolForm = "xml",
    fenced: bool = False,
    broken: bool = False,
    largest_piece: int = 9,
    **wire: Unpack[WireOptions],
) -> Script:
    """Calls of the client's tools as text (§13), in pieces that end anywhere, also inside a tag.

    A call is a name and its arguments, or the literal text to stand for them. `broken` cuts the last brace
    of each.
    """
    body = _tool_body([(name, _arguments(args, broken=broken)) for name, args in calls], form)
    if fenced:
        body = f"```xml\n{body}\n```"
    whole = f"{before}{body}{after}"
    return Script(steps=tuple(Say(part) for part in _crumbs(whole, largest_piece)), wire=Wire(**wire))


def image_card(
    prompt: str = "a paper boat on a calm lake at dawn",
    *,
    count: int = 1,
    moderated: Sequence[int] = (),
    caption: str = "Here is your picture.",
    rng: random.Random | None = None,
    **wire: Unpack[WireOptions],
) -> Script:
    """Pictures drawn in a chat, at progress 0, 50, 100; those numbered in `moderated` withheld (§10.1)."""
    chance = rng or random.Random(prompt)
    ids = [_uuid(chance) for _ in range(count)]
    steps: list[Step] = [ToolUse("tc-301", "imageGen", {"prompt": prompt, "orientation": "landscape"})]
    for seq, progress in enumerate((0, 50, 100)):
        for index, uuid in enumerate(ids):
            withheld = progress == _DONE and index in moderated
            part = "" if progress == _DONE else f"-part-{seq}"
            url = "" if withheld else f"users/demo/generated/{uuid}{part}/image.jpg"
            error = "ERR_CHECK_FINAL_IMAGE" if withheld else ""
            steps.append(ImageChunk(f"g{index + 1}", uuid, url, progress, seq, index, withheld, error))
    steps += [ImageTag(f"g{index + 1}") for index in range(count)]
    steps += [Say(word) for word in words(caption)]
    return Script(steps=tuple(steps), wire=Wire(**wire))


_DONE = 100


def moderated(
    caption: str = "I can't create that image. Try a different idea.", **wire: Unpack[WireOptions]
) -> Script:
    """A picture that was withheld in the end, and an answer that says so (§15.3)."""
    uuid = "b183256e-a16e-4121-b07a-6fc42fd7b23a"
    url = f"users/demo/generated/{uuid}/image.jpg"
    steps: tuple[Step, ...] = (
        ImageChunk("m1", uuid, f"users/demo/generated/{uuid}-part-0/image.jpg", 50),
        ImageChunk("m1", uuid, url, 100, 1, 0, moderated=True, error="ERR_CHECK_FINAL_IMAGE"),
        ImageProgress(uuid, url, 100, is_final=True, moderated=True),
    )
    return Script(steps=steps + text(caption).steps, wire=Wire(**wire))


def transcript(source: str | Path | Iterable[Json], *, turn: int = 1, **wire: Unpack[WireOptions]) -> Script:
    """Play recorded frames as they are.

    `source` is an NDJSON file of the older form, of gateway server frames, or of a dialogue
    (`{"dir","frame"}` with notes between turns; `turn` chooses one), or such frames themselves. Session ids
    stay those of the recording; echoes of the recorded client's event ids become echoes of the real ones.
    """
    if isinstance(source, str | Path):
        frames = [orjson.loads(line) for line in Path(source).read_bytes().splitlines() if line.strip()]
    else:
        frames = list(source)
    client_ids: frozenset[str] = frozenset()
    if any("dir" in frame for frame in frames):
        frames, client_ids = _one_turn(frames, turn)
    form: Form = "gateway" if any("event" in frame for frame in frames) else "rest"
    return Script(transcript=Transcript(form, tuple(frames), client_ids), wire=Wire(**wire))


# ------------------------------------------------------------------------------ the ordinary answer


def improvise(prompt: str, mode: str, rng: random.Random) -> Script:
    """A short, pleasant answer to `prompt` (a flattened conversation, §12) in the manner of `mode`."""
    if prompt.startswith(DRAWING):
        return image_card(prompt.removeprefix(DRAWING), count=2, rng=rng)
    question = last_user_text(prompt)
    lowered = question.lower()
    if "search" in lowered or "news" in lowered:
        return _searched(question, rng)
    answer = _pleasant(question, rng)
    match mode:
        case "heavy":
            return heavy(answer, topic=_topic(question))
        case "expert":
            return _considered(question) + text(answer)
        case _:
            return text(answer)


def last_user_text(prompt: str) -> str:
    """The last user message of a flattened conversation in either form, or all of it."""
    found = list(_LAST_USER.finditer(prompt))
    return (found[-1]["text"] if found else prompt).strip()


def words(content: str) -> list[str]:
    """`content` cut before each word, so that the pieces add up to it again."""
    return _WORD.findall(content) or ([content] if content else [])


_OPENINGS = (
    "Good question.",
    "Happy to help with that.",
    "Let me put it briefly.",
    "Here is how I would look at it.",
    "That is a nice one to think about.",
)
_POINTS = (
    "**Start small.** One clear step tells you more than a long plan.",
    "**Check the assumption** that seems too obvious to check.",
    "**Write it down.** A sentence you can read again is worth ten you remember.",
    "**Compare two options** side by side before choosing the third.",
    "**Leave room** for the answer to be simpler than expected.",
    "**Ask who benefits**; the reason is often found there.",
)
_CLOSINGS = (
    "Tell me which of these you would like to go deeper into.",
    "If you share a little more context, I can be more specific.",
    "That should be enough to begin with. ☕",
    "Shall I turn this into a short plan?",
)


def _pleasant(question: str, rng: random.Random) -> str:
    points = "\n".join(f"{number}. {point}" for number, point in enumerate(rng.sample(_POINTS, 2), 1))
    return (
        f"{rng.choice(_OPENINGS)} You wrote:\n\n> {_quoted(question)}\n\n{points}\n\n{rng.choice(_CLOSINGS)}"
    )


def _considered(question: str) -> Script:
    return thinking(
        header=[FILLER, f"Looking at {_topic(question)}"],
        summary=[
            "- Reading the question twice.\n",
            "- Weighing two ways to answer and keeping the shorter.\n",
        ],
    )


def _searched(question: str, rng: random.Random) -> Script:
    topic = _topic(question)
    pages = (
        Page(
            f"https://daily.example.org/{rng.randrange(1000, 9999)}",
            f"What we know about {topic}",
            "A summary…",
        ),
        Page(
            f"https://wiki.example.com/{rng.randrange(1000, 9999)}",
            f"{topic.capitalize()} explained",
            "Basics…",
        ),
    )
    post = Post(
        str(1_900_000_000_000_000_000 + rng.randrange(10**9)), "demo_reader", f"Just read about {topic}."
    )
    answer: list[str | int] = [
        f"I looked around for you. You wrote:\n\n> {_quoted(question)}\n\n- Two pages agree on the outline",
        0,
        " and one of them goes into detail",
        1,
        ".\n- People are already talking about it",
        2,
        ".\n\nThis is a demonstration: the sources are invented.",
    ]
    return search(answer, query=topic, pages=pages, posts=(post,))


def _quoted(question: str) -> str:
    shown = " ".join(question.split())
    return shown if len(shown) <= _LONGEST_QUOTE else f"{shown[:_LONGEST_QUOTE].rstrip()}…"


_LONGEST_QUOTE = 160
_LONGEST_TOPIC = 6


def _topic(question: str) -> str:
    return " ".join(re.findall(r"\w+", question)[:_LONGEST_TOPIC]) or "your question"


# -------------------------------------------------------------------------------------- small parts


def _each(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value


def _evenly(content: str, count: int) -> list[str]:
    size, rest = divmod(len(content), count)
    parts, at = [], 0
    for number in range(count):
        end = at + size + (number < rest)
        parts.append(content[at:end])
        at = end
    return parts


def _crumbs(content: str, largest: int) -> list[str]:
    rng = random.Random(content)
    parts, at = [], 0
    while at < len(content):
        end = at + rng.randint(1, largest)
        parts.append(content[at:end])
        at = end
    return parts


def _arguments(args: Mapping[str, object] | str, *, broken: bool) -> str:
    encoded = args if isinstance(args, str) else orjson.dumps(args).decode()
    return encoded[:-1] if broken else encoded


def _tool_body(calls: Sequence[tuple[str, str]], form: ToolForm) -> str:
    match form:
        case "xml":
            items = "\n".join(
                f"  <tool_call>\n    <tool_name>{name}</tool_name>\n"
                f"    <parameters>{args}</parameters>\n  </tool_call>"
                for name, args in calls
            )
            return f"<tool_calls>\n{items}\n</tool_calls>"
        case "json":
            items = ",".join(f'{{"name":"{name}","arguments":{args}}}' for name, args in calls)
            return f'{{"tool_calls":[{items}]}}'
        case "array":
            items = ",".join(f'{{"name":"{name}","arguments":{args}}}' for name, args in calls)
            return f"[{items}]"
        case "function_call":
            return "\n".join(
                f"<function_call><name>{name}</name><arguments>{args}</arguments></function_call>"
                for name, args in calls
            )
        case "invoke":
            return "\n".join(f'<invoke name="{name}">{args}</invoke>' for name, args in calls)


def _one_turn(lines: Sequence[Json], turn: int) -> tuple[list[Json], frozenset[str]]:
    """The server frames of the chosen turn of a dialogue, and the event ids its client used."""
    current, frames, ids = 0, [], set()
    for line in lines:
        frame = line.get("frame")
        event = frame.get("event") if isinstance(frame, dict) else None
        kind = event.get("type") if isinstance(event, dict) else None
        if line["dir"] == "client" and kind == "session.create":
            current += 1
        if current != turn or not isinstance(frame, dict) or not isinstance(event, dict):
            continue
        if line["dir"] == "server":
            frames.append(frame)
        elif kind in _ECHOED:
            ids.add(str(event["event_id"]))
    if not frames:
        raise ValueError(f"the dialogue has no turn {turn}")
    return frames, frozenset(ids)


_ECHOED = frozenset({"session.create", "response.create"})


def _uuid(rng: random.Random) -> str:
    value = f"{rng.getrandbits(128):032x}"
    return f"{value[:8]}-{value[8:12]}-4{value[13:16]}-a{value[17:20]}-{value[20:]}"
