"""Speaking with Grok: what is wished of a session, and what lets one in (protocol/grok-web-media.md §8)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from grokdesk.core.accounts import Mode, Tier
from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.core.pool import Need
from grokdesk.core.secret import Secret

# Super or heavy, in mode auto (§8.5).
NEED: Final = Need((Tier.SUPER, Tier.HEAVY), (Mode.AUTO,))

# What the list of requests calls such a request.
MODEL: Final = "voice"

SLOWEST: Final = 0.5
FASTEST: Final = 2.0


class Speaker(StrEnum):
    """Whose voice answers."""

    ARA = "ara"
    EVE = "eve"
    LEO = "leo"
    REX = "rex"
    SAL = "sal"
    GORK = "gork"


class Personality(StrEnum):
    """How the voice behaves."""

    ASSISTANT = "assistant"
    THERAPIST = "therapist"
    STORYTELLER = "storyteller"
    KIDS_STORY_TIME = "kids_story_time"
    MEDITATION = "meditation"
    UNHINGED = "unhinged"
    SEXY = "sexy"


ADULT: Final = frozenset({Personality.UNHINGED, Personality.SEXY})


@dataclass(frozen=True, slots=True)
class VoiceWish:
    """A session to be begun; none of it can be changed once it runs. `instructions` replace the personality.

    `speed` is 0.5 to 2.
    """

    speaker: Speaker = Speaker.ARA
    personality: Personality = Personality.ASSISTANT
    speed: float = 1.0
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class VoicePass:
    """What lets a client into the room at `url`, for a short time."""

    token: Secret
    url: str
    participant: str = ""
    room: str = ""


def allowed(wish: VoiceWish, *, adult: bool) -> VoiceWish:
    """Return `wish`. Raises `InvalidRequest` for an unknown value, `Unsupported` for what is switched off."""
    if not SLOWEST <= wish.speed <= FASTEST:
        raise InvalidRequest(
            f"'speed' is {wish.speed:g}; it must be {SLOWEST:g} to {FASTEST:g}.", param="speed"
        )
    if wish.personality in ADULT and not adult and not wish.instructions:
        raise Unsupported(
            f"The personality '{wish.personality}' is for adults, and adult content is switched off.",
            param="personality",
            hint="Its owner can switch it on in GrokDesk (media.allow_nsfw).",
        )
    return wish
