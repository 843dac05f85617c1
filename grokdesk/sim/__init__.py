"""A Grok that runs on this machine.

A **world** (`world`) is the state of the simulated service: accounts with quotas and a clock,
conversations, files, what was received and what broke the rules. A **simulator** (`server`) serves a world
on one port of this machine: chat in both forms, quotas, identity, terms, page, signer, solver. A
**script** (`script`) says what one turn does; `answers` builds the ones that say something, `faults` the
ones that go wrong, and they add up: `thinking(summary="…") + text("…") + cut_after(3)`. `frames` turns a
script into the bytes of either chat form, `stage` plays them, `checks` compares every request with the
protocol document. `desk` is what every call goes through. `seed` is the world of the demo.

The **gallery** (`gallery`, `World.media`) is the state of pictures and films: files, posts, works in
progress, quotas. `imagine` serves the socket that draws, `studio` edits and films, `assets` uploads, lists
and downloads; `media_checks` compares them with their document, `whims` reads the words of a prompt that
make something go wrong. `pictures` and `films` make the bytes. A **recording** (`recordings`) is a story of
several calls that `player` plays.

Written from `protocol/` and its samples alone; it shares no code with the providers, so that the two can
disagree. More kinds of traffic (voice) are more handlers, more steps in `script` and `frames`.
"""

from grokdesk.sim.answers import (
    found_image,
    heavy,
    image_card,
    moderated,
    search,
    text,
    thinking,
    tool_text,
    transcript,
)
from grokdesk.sim.assets import DOWNLOADS, PUBLIC
from grokdesk.sim.faults import (
    antibot,
    block_only_in_details,
    blocked,
    challenge,
    content_moderated,
    cut_after,
    empty,
    expired,
    expired_400,
    garbage,
    hang_up,
    image_limit,
    limited,
    media,
    not_found,
    out_of_credits,
    overloaded,
    page_instead,
    plain_forbidden,
    raw,
    refused,
    safety,
    server_error,
    session_ended,
    stall,
    stream_error,
    usage_limit_reached,
    wrong_attached_id,
)
from grokdesk.sim.recordings import Recording, recording
from grokdesk.sim.script import Media, Page, Post, Script, Wire
from grokdesk.sim.seed import DemoToken, demo_tokens, demo_world
from grokdesk.sim.server import Simulator
from grokdesk.sim.world import (
    Account,
    Clearance,
    Conversation,
    Credits,
    Quota,
    Received,
    Solver,
    Turn,
    Upload,
    World,
)

__all__ = [
    "DOWNLOADS",
    "PUBLIC",
    "Account",
    "Clearance",
    "Conversation",
    "Credits",
    "DemoToken",
    "Media",
    "Page",
    "Post",
    "Quota",
    "Received",
    "Recording",
    "Script",
    "Simulator",
    "Solver",
    "Turn",
    "Upload",
    "Wire",
    "World",
    "antibot",
    "block_only_in_details",
    "blocked",
    "challenge",
    "content_moderated",
    "cut_after",
    "demo_tokens",
    "demo_world",
    "empty",
    "expired",
    "expired_400",
    "found_image",
    "garbage",
    "hang_up",
    "heavy",
    "image_card",
    "image_limit",
    "limited",
    "media",
    "moderated",
    "not_found",
    "out_of_credits",
    "overloaded",
    "page_instead",
    "plain_forbidden",
    "raw",
    "recording",
    "refused",
    "safety",
    "search",
    "server_error",
    "session_ended",
    "stall",
    "stream_error",
    "text",
    "thinking",
    "tool_text",
    "transcript",
    "usage_limit_reached",
    "wrong_attached_id",
]
