"""The models as their owner offers them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from grokdesk.core.catalog import MODELS
from grokdesk.core.errors import ModelNotFound
from grokdesk.core.offer import offer_of
from grokdesk.core.settings import ModelsSettings

FAST, AUTO = "grok-4.20-fast", "grok-4.20-auto"


def test_everything_is_offered_in_the_order_of_the_catalogue() -> None:
    """
    Unless its owner says otherwise.
    """
    assert offer_of(ModelsSettings()).models == MODELS


def test_a_model_that_is_switched_off_is_not_there_and_says_why() -> None:
    """
    Another reason than that of a name that never was.
    """
    offer = offer_of(ModelsSettings(off=(FAST,)))

    assert FAST not in {model.name for model in offer.models}
    with pytest.raises(ModelNotFound, match="switched off"):
        offer.named(FAST)
    with pytest.raises(ModelNotFound, match="does not exist") as caught:
        offer.named("grok-4.20-fats")
    assert FAST not in caught.value.hint


def test_another_name_stands_for_a_model() -> None:
    """
    It is listed too; what is executed is the model of the catalogue.
    """
    offer = offer_of(ModelsSettings(aliases=(f"gpt-4o = {AUTO}", "ghost=nobody")))

    assert offer.named("gpt-4o").name == AUTO
    assert "gpt-4o" in {model.name for model in offer.models}
    with pytest.raises(ModelNotFound):
        offer.named("ghost")


def test_a_name_of_a_model_that_is_switched_off_is_gone_with_it() -> None:
    """
    It stands for nothing then, and says why.
    """
    offer = offer_of(ModelsSettings(off=(AUTO,), aliases=(f"gpt-4o={AUTO}",)))

    assert "gpt-4o" not in {model.name for model in offer.models}
    with pytest.raises(ModelNotFound, match="'gpt-4o' is switched off"):
        offer.named("gpt-4o")


def test_what_the_owner_wants_first_comes_first() -> None:
    """
    The rest follows in its own order.
    """
    offer = offer_of(ModelsSettings(order=("grok-imagine-video", FAST)))
    names = [model.name for model in offer.models]

    assert names[:2] == ["grok-imagine-video", FAST]
    assert names[2:] == [model.name for model in MODELS if model.name not in names[:2]]


@pytest.mark.parametrize("alias", ["gpt-4o", "= grok-4.20-fast", "gpt-4o =", ""])
def test_what_is_no_pair_of_names_is_refused(alias: str) -> None:
    """
    With an example of one.
    """
    with pytest.raises(ValidationError, match=r"gpt-4o = grok-4\.20-auto"):
        ModelsSettings(aliases=(alias,))
