"""Which models clients are offered, under which names: the catalogue as its owner has arranged it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from grokdesk.core.catalog import MODELS, Model
from grokdesk.core.errors import ModelNotFound
from grokdesk.core.settings import ModelsSettings


@dataclass(frozen=True, slots=True)
class Offer:
    """`models` are those that are listed, in order, those under another name of the owner's included.

    `named` finds one by any name it may be asked by.
    """

    models: tuple[Model, ...]
    _known: Mapping[str, Model]
    _off: frozenset[str]

    def named(self, name: str) -> Model:
        """The model that `name` stands for, with the name of the catalogue.

        Raises `ModelNotFound`: there is none, or it is switched off.
        """
        found = self._known.get(name)
        if found is not None:
            return found
        if name in self._off:
            raise ModelNotFound(
                f"The model '{name}' is switched off in GrokDesk.",
                param="model",
                hint="Its owner can switch it on again (setting models.off).",
            )
        nearest = difflib.get_close_matches(name, self._known, n=1)
        example = nearest[0] if nearest else next(iter(self._known), "grok-4.20-fast")
        raise ModelNotFound(
            f"The model '{name}' does not exist.",
            param="model",
            hint=f"GET /v1/models lists the names, for example {example}.",
        )


@lru_cache(maxsize=4)
def offer_of(settings: ModelsSettings) -> Offer:
    """What `settings` make of the catalogue."""
    off = frozenset(settings.off)
    on = [model for model in MODELS if model.name not in off]
    offered = {model.name: model for model in on}
    renamed = settings.renamed()
    aliases = {alias: offered[name] for alias, name in renamed.items() if name in offered}
    listed = [
        replace(model, name=alias, title=f"{model.title} ({alias})") for alias, model in aliases.items()
    ]
    known = {**offered, **aliases}
    place = {name: number for number, name in enumerate(settings.order)}
    models = sorted([*on, *listed], key=lambda model: place.get(model.name, len(place)))
    return Offer(tuple(models), known, off | {alias for alias, name in renamed.items() if name in off})


EVERYTHING: Final = offer_of(ModelsSettings())
