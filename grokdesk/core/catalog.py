"""The models, and which accounts may answer for each.

The names of grok2api 2.0.4 are kept letter by letter (spec/public-api.md §2.3) beside the current ones
(protocol/grok-web-chat.md §7.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from grokdesk.core.accounts import Meter, Mode, Product, Tier

OWNER: Final = "xai"

_BASIC: Final = (Tier.BASIC, Tier.SUPER, Tier.HEAVY)
_SUPER: Final = (Tier.SUPER, Tier.HEAVY)
_HEAVY: Final = (Tier.HEAVY,)
_PAID_FIRST: Final = (Tier.SUPER, Tier.HEAVY, Tier.BASIC)
_BASIC_BEST: Final = (Tier.HEAVY, Tier.SUPER, Tier.BASIC)
_SUPER_BEST: Final = (Tier.HEAVY, Tier.SUPER)

# 2026-04-01 and 2026-08-01, the months the two families of names appeared; fixed, because clients cache by
# it.
_SPRING: Final = 1_775_001_600
_SUMMER: Final = 1_785_542_400


class Does(StrEnum):
    """What a model makes, and how: SKETCH draws within a conversation, IMAGE and QUALITY by the socket."""

    CHAT = "chat"
    SKETCH = "sketch"
    IMAGE = "image"
    QUALITY = "quality"
    EDIT = "edit"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Model:
    """One public model. `tiers` are tried in order; `mode` is asked first. `created` is Unix seconds.

    What a model that makes pictures or films counts on is `product`; a sketch counts as a question.
    """

    name: str
    title: str
    mode: Mode
    tiers: tuple[Tier, ...]
    created: int = _SPRING
    does: Does = Does.CHAT
    product: Product | None = None

    @property
    def meter(self) -> Meter:
        """What a request for it counts on first."""
        return self.product or self.mode


def _media(name: str, title: str, does: Does, product: Product, created: int = _SPRING) -> Model:
    # 2.0.4 gives these to paid accounts only, 3.1.4 to all, fenced by quota (grok-web-media.md §11.1).
    return Model(name, title, Mode.AUTO, _PAID_FIRST, created, does, product)


MODELS: Final[tuple[Model, ...]] = (
    Model("grok-4.20-0309-non-reasoning", "Grok 4.20 Fast", Mode.FAST, _BASIC),
    Model("grok-4.20-0309", "Grok 4.20 Auto", Mode.AUTO, _SUPER),
    Model("grok-4.20-0309-reasoning", "Grok 4.20 Expert", Mode.EXPERT, _SUPER),
    Model("grok-4.20-0309-non-reasoning-super", "Grok 4.20 Fast (Super)", Mode.FAST, _SUPER),
    Model("grok-4.20-0309-super", "Grok 4.20 Auto (Super)", Mode.AUTO, _SUPER),
    Model("grok-4.20-0309-reasoning-super", "Grok 4.20 Expert (Super)", Mode.EXPERT, _SUPER),
    Model("grok-4.20-0309-non-reasoning-heavy", "Grok 4.20 Fast (Heavy)", Mode.FAST, _HEAVY),
    Model("grok-4.20-0309-heavy", "Grok 4.20 Auto (Heavy)", Mode.AUTO, _HEAVY),
    Model("grok-4.20-0309-reasoning-heavy", "Grok 4.20 Expert (Heavy)", Mode.EXPERT, _HEAVY),
    Model("grok-4.20-multi-agent-0309", "Grok 4.20 Multi-agent", Mode.HEAVY, _HEAVY),
    Model("grok-4.20-fast", "Grok 4.20 Fast (best account first)", Mode.FAST, _BASIC_BEST),
    Model("grok-4.20-auto", "Grok 4.20 Auto (best account first)", Mode.AUTO, _SUPER_BEST),
    Model("grok-4.20-expert", "Grok 4.20 Expert (best account first)", Mode.EXPERT, _SUPER_BEST),
    Model("grok-4.20-heavy", "Grok 4.20 Heavy", Mode.HEAVY, _HEAVY),
    Model("grok-4.3-beta", "Grok 4.3 Beta", Mode.GROK_4_3, _SUPER),
    Model("grok-imagine-image-lite", "Grok Imagine Lite", Mode.FAST, _BASIC, _SPRING, Does.SKETCH),
    _media("grok-imagine-image", "Grok Imagine", Does.IMAGE, Product.IMAGE_PRO),
    _media("grok-imagine-image-pro", "Grok Imagine Pro", Does.QUALITY, Product.IMAGE_PRO),
    _media("grok-imagine-image-edit", "Grok Imagine Edit", Does.EDIT, Product.IMAGE_EDIT),
    _media("grok-imagine-video", "Grok Imagine Video", Does.VIDEO, Product.VIDEO_720P),
    Model("grok-chat-fast", "Grok Fast", Mode.FAST, _BASIC, _SUMMER),
    Model("grok-chat-auto", "Grok Auto", Mode.AUTO, _SUPER, _SUMMER),
    Model("grok-chat-expert", "Grok Expert", Mode.EXPERT, _SUPER, _SUMMER),
    Model("grok-chat-heavy", "Grok Heavy", Mode.HEAVY, _HEAVY, _SUMMER),
    _media("grok-imagine-image-2.0", "Grok Imagine 2.0", Does.QUALITY, Product.IMAGE_PRO, _SUMMER),
)


def modes_for(model: Model, *, fallback: bool) -> tuple[Mode, ...]:
    """The modes to try in order.

    With `fallback`, AUTO may be answered by FAST, then EXPERT (spec/accounts.md §5.1).
    """
    if fallback and model.mode is Mode.AUTO:
        return (Mode.AUTO, Mode.FAST, Mode.EXPERT)
    return (model.mode,)
