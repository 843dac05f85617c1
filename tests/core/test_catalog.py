"""The models by their exact names."""

from __future__ import annotations

import pytest

from grokdesk.core.accounts import Meter, Mode, Product, Tier
from grokdesk.core.catalog import MODELS, Does, modes_for
from grokdesk.core.errors import ModelNotFound
from grokdesk.core.offer import EVERYTHING

# spec/public-api.md §2.3, the rows of kind chat: id, mode, pools in order.
SPEC = """
grok-4.20-0309-non-reasoning        fast    basic super heavy
grok-4.20-0309                      auto    super heavy
grok-4.20-0309-reasoning            expert  super heavy
grok-4.20-0309-non-reasoning-super  fast    super heavy
grok-4.20-0309-super                auto    super heavy
grok-4.20-0309-reasoning-super      expert  super heavy
grok-4.20-0309-non-reasoning-heavy  fast    heavy
grok-4.20-0309-heavy                auto    heavy
grok-4.20-0309-reasoning-heavy      expert  heavy
grok-4.20-multi-agent-0309          heavy   heavy
grok-4.20-fast                      fast    heavy super basic
grok-4.20-auto                      auto    heavy super
grok-4.20-expert                    expert  heavy super
grok-4.20-heavy                     heavy   heavy
grok-4.3-beta                       grok-420-computer-use-sa  super heavy
"""
MEDIA = [
    ("grok-imagine-image-lite", Does.SKETCH, Mode.FAST, "basic super heavy"),
    ("grok-imagine-image", Does.IMAGE, Product.IMAGE_PRO, "super heavy basic"),
    ("grok-imagine-image-pro", Does.QUALITY, Product.IMAGE_PRO, "super heavy basic"),
    ("grok-imagine-image-edit", Does.EDIT, Product.IMAGE_EDIT, "super heavy basic"),
    ("grok-imagine-video", Does.VIDEO, Product.VIDEO_720P, "super heavy basic"),
]
ROWS = [line.split() for line in SPEC.split("\n") if line]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_model_of_the_predecessor_is_served_as_before(row: list[str]) -> None:
    """
    Same name, same mode, same accounts in the same order.
    """
    model = EVERYTHING.named(row[0])

    assert (model.mode.value, [tier.value for tier in model.tiers]) == (row[1], row[2:])


def test_there_is_nothing_else_but_the_current_names() -> None:
    """
    The predecessor's models in its order, then one name for each current mode and for the newest pictures.
    """
    names = [model.name for model in MODELS]

    assert names == [
        *(row[0] for row in ROWS),
        *(name for name, *_ in MEDIA),
        *("grok-chat-fast", "grok-chat-auto", "grok-chat-expert", "grok-chat-heavy"),
        "grok-imagine-image-2.0",
    ]


@pytest.mark.parametrize(("name", "does", "meter", "tiers"), MEDIA, ids=[name for name, *_ in MEDIA])
def test_what_draws_and_films_is_open_to_every_account(
    name: str, does: Does, meter: Meter, tiers: str
) -> None:
    """
    What the predecessor kept to paid accounts is theirs first; Grok's own quota says who may have it.
    """
    model = EVERYTHING.named(name)

    assert (model.does, model.meter) == (does, meter)
    assert " ".join(tier.value for tier in model.tiers) == tiers


def test_every_model_can_be_told_apart() -> None:
    """
    No name and no title occurs twice.
    """
    assert len({model.name for model in MODELS}) == len({model.title for model in MODELS}) == len(MODELS)


def test_an_unknown_model_is_named() -> None:
    """
    The client hears which name was wrong, in which field, and where to look.
    """
    with pytest.raises(ModelNotFound, match="'grok-9'") as caught:
        EVERYTHING.named("grok-9")

    assert caught.value.param == "model"
    assert "/v1/models" in caught.value.hint


def test_only_auto_falls_back_to_other_modes() -> None:
    """
    With fallback auto may become fast, then expert; without it, and for all others, the mode stands.
    """
    auto, expert = EVERYTHING.named("grok-4.20-auto"), EVERYTHING.named("grok-4.20-expert")

    assert modes_for(auto, fallback=True) == (Mode.AUTO, Mode.FAST, Mode.EXPERT)
    assert modes_for(auto, fallback=False) == (Mode.AUTO,)
    assert modes_for(expert, fallback=True) == (Mode.EXPERT,)


def test_no_model_asks_for_an_unknown_tier() -> None:
    """
    Unknown accounts serve as basic ones; a model never names them.
    """
    assert all(Tier.UNKNOWN not in model.tiers for model in MODELS)
