"""The world of `grokdesk --demo`: a dozen invented accounts that show every state the window knows."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from grokdesk.sim.gallery import PRODUCTS
from grokdesk.sim.world import Status, Tier, World

DEMO_PACE_S = 0.02
DEMO_PICTURE_PACE_S = 0.25
DEMO_UPSCALE_S = 2.0
_REMEMBERED = 2000


class DemoToken(NamedTuple):
    """What a person would paste, and the name the account gets."""

    token: str
    label: str


@dataclass(frozen=True, slots=True)
class _Demo:
    label: str
    tier: Tier
    status: Status = "ok"
    left: float = 1.0
    """How much of every quota is left, 0 to 1."""
    used_up: tuple[str, ...] = ()
    """Modes that have nothing left."""


_DEMOS = (
    _Demo("Ada (basic)", "basic"),
    _Demo("Bashir (basic)", "basic", left=0.6),
    _Demo("Carla (basic, tired)", "basic", left=0.1),
    _Demo("Dmitri (basic, out of fast)", "basic", used_up=("fast",)),
    _Demo("Emeka (super)", "super"),
    _Demo("Freya (super)", "super", left=0.45),
    _Demo("Goro (super)", "super", left=0.8),
    _Demo("Hana (super, out of expert)", "super", left=0.5, used_up=("expert",)),
    _Demo("Ines (heavy)", "heavy"),
    _Demo("Jonas (heavy)", "heavy", left=0.3),
    _Demo("Kofi (signed out)", "basic", "unauthenticated"),
    _Demo("Lena (blocked)", "super", "blocked"),
)


def demo_tokens() -> list[DemoToken]:
    """The tokens of the demo accounts, in the order of the world's table."""
    return [DemoToken(_token(number, demo), demo.label) for number, demo in enumerate(_DEMOS, 1)]


def demo_world(now: Callable[[], float], rng: random.Random) -> World:
    """A world with the demo accounts that answers at a reader's pace and forgives small mistakes."""
    world = World(now, rng)
    world.pace_s = DEMO_PACE_S
    world.media.pace_s, world.media.upscale_s = DEMO_PICTURE_PACE_S, DEMO_UPSCALE_S
    world.strict = False
    world.record_limit = _REMEMBERED
    for number, demo in enumerate(_DEMOS, 1):
        address = f"{demo.label.split()[0].lower()}@demo.example.org"
        account = world.add(_token(number, demo), demo.tier, email=address, status=demo.status)
        account.tos_version = 5
        for mode, quota in account.quota.items():
            quota.remaining = 0 if mode in demo.used_up else round(quota.total * demo.left)
            # Not everything becomes full at the same moment.
            quota.reset_at = now() + quota.window_s * rng.uniform(0.2, 1.0)
        for product in PRODUCTS:
            count = world.media.left(account, product)
            if count is not None:
                world.media.leave(account, product, round(count * demo.left))
        if account.credits and account.credits.paid:
            account.credits.used_percent = round((1 - demo.left) * 100, 1)
    return world


def _token(number: int, demo: _Demo) -> str:
    return f"demo.not-a-real-token.{number:02d}-{demo.tier}"
