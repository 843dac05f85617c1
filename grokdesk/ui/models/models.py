"""The models as their owner arranges them: under which names, in which order, and who can serve each now."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QIcon

from grokdesk.core.accounts import Account, AccountId, Meter, Mode, Status, Tier
from grokdesk.core.catalog import MODELS, Does, Model, modes_for
from grokdesk.core.settings import ModelsSettings
from grokdesk.ui import words
from grokdesk.ui.icons import icon
from grokdesk.ui.models.rows import Column, Index, Rows
from grokdesk.ui.theme import Look

OFFERED, NAME, MAKES, NEEDS, READY = range(5)
OFF, ALIASES, ORDER = "models.off", "models.aliases", "models.order"

_BY_NAME: Final = {model.name: model for model in MODELS}
_LONGEST_NAME: Final = 100
# No space, comma or `=`: those divide names in the settings file and in the environment.
_ALLOWED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")

Changes = dict[str, tuple[str, ...]]


# --- what is offered ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Served:
    """How many accounts can serve a model.

    `total` have the right tier, `usable` of them are neither signed out nor switched off, `able` of these may
    have it at all, and `ready` can answer at once. `soonest` is when the next one can. `pool` counts all.
    """

    pool: int = 0
    total: int = 0
    usable: int = 0
    able: int = 0
    ready: int = 0
    soonest: float = inf


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the table: a model by its own name, or by another one."""

    name: str
    is_alias: bool = False


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A name that clients may ask for. `target` is what another name stands for, empty for a model's own.

    `model` is None when it stands for nothing that there is. `is_on` says whether it is listed.
    """

    name: str
    model: Model | None
    target: str = ""
    is_on: bool = True
    aliases: tuple[str, ...] = ()
    served: Served | None = None

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return Key(self.name, bool(self.target))


def rows_of(settings: ModelsSettings, served: Mapping[str, Served] | None = None) -> list[ModelRow]:
    """Every model and every other name, in the order in which clients list them; what is off included."""
    off, renamed = frozenset(settings.off), settings.renamed()
    known = served or {}
    own = [
        ModelRow(
            model.name,
            model,
            is_on=model.name not in off,
            aliases=tuple(alias for alias, name in renamed.items() if name == model.name),
            served=known.get(model.name),
        )
        for model in MODELS
    ]
    others = [
        ModelRow(
            alias,
            _BY_NAME.get(name),
            name,
            is_on=name in _BY_NAME and name not in off,
            served=known.get(name),
        )
        for alias, name in renamed.items()
    ]
    place = {name: number for number, name in enumerate(settings.order)}
    return sorted([*own, *others], key=lambda row: place.get(row.name, len(place)))


def natural(settings: ModelsSettings) -> list[str]:
    """All names in the order that nobody has changed."""
    return [*_BY_NAME, *settings.renamed()]


# --- changing it --------------------------------------------------------------------------------------------


def switched(settings: ModelsSettings, names: Collection[str], *, on: bool) -> Changes:
    """Offer models, or no longer."""
    others = [name for name in settings.off if name not in names]
    off = [name for name in _BY_NAME if name in names] if not on else []
    return {OFF: (*others, *off)}


def with_alias(settings: ModelsSettings, alias: str, name: str, place: int | None = None) -> Changes:
    """Let `alias` stand for the model `name`; at a place among the other names, or at their end."""
    found = [one for one in settings.aliases if _alias(one) != alias]
    found.insert(len(found) if place is None else place, f"{alias} = {name}")
    return {ALIASES: tuple(found)}


def without_aliases(settings: ModelsSettings, aliases: Collection[str]) -> Changes:
    """Forget other names."""
    return {ALIASES: tuple(one for one in settings.aliases if _alias(one) not in aliases)}


def ordered(settings: ModelsSettings, wanted: Sequence[str]) -> Changes:
    """List names in this order, with the shortest setting that says so."""
    usual = natural(settings)
    for count in range(len(wanted) + 1):
        first = wanted[:count]
        if [*first, *(name for name in usual if name not in first)] == list(wanted):
            return {ORDER: tuple(first)}
    return {ORDER: tuple(wanted)}


def as_it_comes(settings: ModelsSettings, names: Collection[str]) -> Changes:
    """Put models back: offered, without other names, in their usual place."""
    aliases = tuple(one for one in settings.aliases if _target(one) not in names)
    gone = {*names, *(_alias(one) for one in settings.aliases if one not in aliases)}
    return {
        OFF: tuple(name for name in settings.off if name not in names),
        ALIASES: aliases,
        ORDER: tuple(name for name in settings.order if name not in gone),
    }


def present(settings: ModelsSettings, names: Iterable[str] = (OFF, ALIASES, ORDER)) -> Changes:
    """The settings as they are, to go back to."""
    return {name: tuple(getattr(settings, name.partition(".")[2])) for name in names}


def alias_fault(settings: ModelsSettings, text: str) -> str:
    """Why `text` cannot be another name of a model, as a sentence; empty when it can."""
    name = text.strip()
    if not name:
        return _tr("Type a name.")
    if name in _BY_NAME:
        return _tr("A model is called so already.")
    taken = settings.renamed().get(name)
    if taken is not None:
        return _tr("It already stands for %1.").replace("%1", taken)
    if len(name) > _LONGEST_NAME:
        return _tr("At most %1 characters.").replace("%1", str(_LONGEST_NAME))
    if not _ALLOWED.fullmatch(name):
        return _tr("Letters, digits and . _ - : / @ + only, and first a letter or a digit.")
    return ""


def alias_place(settings: ModelsSettings, alias: str) -> int:
    """Where a name stands among the other names."""
    return [_alias(one) for one in settings.aliases].index(alias)


def _alias(pair: str) -> str:
    return pair.partition("=")[0].strip()


def _target(pair: str) -> str:
    return pair.partition("=")[2].strip()


# --- who can serve ------------------------------------------------------------------------------------------


def meters_of(model: Model, *, fallback: bool) -> tuple[Meter, ...]:
    """What a request for `model` may count on, in order; a film of the usual kind."""
    return (model.product,) if model.product is not None else modes_for(model, fallback=fallback)


_METERS: Final[tuple[Meter, ...]] = (
    *Mode,
    *dict.fromkeys(model.product for model in MODELS if model.product is not None),
)
_PLACE: Final = {meter: number for number, meter in enumerate(_METERS)}

# A tier, whether it may serve at all, and from when on what can be asked of it.
_Standing = tuple[Tier, bool, tuple[float, ...]]


class Tally:
    """How many accounts can serve what. Accounts that stand alike are counted together."""

    def __init__(self) -> None:
        self._of: dict[AccountId, _Standing] = {}
        self._alike: Counter[_Standing] = Counter()

    def __len__(self) -> int:
        return len(self._of)

    def take(self, account_id: AccountId, account: Account | None, now: float) -> None:
        """Count an account as it is now, or no longer."""
        old = self._of.pop(account_id, None)
        if old is not None:
            self._alike[old] -= 1
            if not self._alike[old]:
                del self._alike[old]
        if account is not None:
            new = self._of[account_id] = _standing(account, now)
            self._alike[new] += 1

    def served(self, model: Model, now: float, *, fallback: bool) -> Served:
        """Who can serve `model` at `now`."""
        places = [_PLACE[meter] for meter in meters_of(model, fallback=fallback)]
        tiers = {*model.tiers, *((Tier.UNKNOWN,) if Tier.BASIC in model.tiers else ())}
        total = usable = able = ready = 0
        soonest = inf
        for (tier, may, times), count in self._alike.items():
            if tier not in tiers:
                continue
            total += count
            if not may:
                continue
            usable += count
            free = min(times[place] for place in places)
            if free == inf:
                continue
            able += count
            if free <= now:
                ready += count
            else:
                soonest = min(soonest, free)
        return Served(len(self._of), total, usable, able, ready, soonest)

    def all_served(self, now: float, *, fallback: bool) -> dict[str, Served]:
        """Who can serve each model, by its name; models that need the same are looked up once."""
        found: dict[tuple[object, ...], Served] = {}
        made: dict[str, Served] = {}
        for model in MODELS:
            need = (frozenset(model.tiers), meters_of(model, fallback=fallback))
            if need not in found:
                found[need] = self.served(model, now, fallback=fallback)
            made[model.name] = found[need]
        return made

    def next_change(self, now: float) -> float:
        """When the next account is ready again; infinity when none waits."""
        later = (time for _, may, times in self._alike if may for time in times if now < time < inf)
        return min(later, default=inf)


def _standing(account: Account, now: float) -> _Standing:
    may = account.status is Status.ACTIVE
    if not may:
        return account.tier, False, ()
    times = (account.free_at(meter) for meter in _METERS)
    return account.tier, True, tuple(0.0 if time <= now else time for time in times)


# --- words --------------------------------------------------------------------------------------------------


def makes(model: Model) -> str:
    """What a model makes."""
    return {
        Does.CHAT: _tr("Chat"),
        Does.SKETCH: _tr("Sketches"),
        Does.IMAGE: _tr("Pictures"),
        Does.QUALITY: _tr("Fine pictures"),
        Does.EDIT: _tr("Changed pictures"),
        Does.VIDEO: _tr("Films"),
    }[model.does]


def needs(model: Model) -> str:
    """Which accounts may serve a model."""
    if Tier.BASIC in model.tiers:
        return _tr("Any account")
    if Tier.SUPER in model.tiers:
        return _tr("Super or Heavy")
    return _tr("Heavy")


def prefers(model: Model) -> str:
    """Which of them are asked first, as a sentence."""
    if len(model.tiers) == 1:
        return _tr("Only Heavy accounts are asked.")
    first = {
        Tier.BASIC: _tr("Basic accounts are asked first, so that better ones keep what they have."),
        Tier.SUPER: _tr("Super accounts are asked first."),
        Tier.HEAVY: _tr("Heavy accounts are asked first: the best that is there answers."),
    }
    return first.get(model.tiers[0], "")


def route_of(model: Model, *, fallback: bool) -> str:
    """Where a request for a model goes at Grok, and what it counts on, as a sentence."""
    match model.does:
        case Does.CHAT:
            modes = modes_for(model, fallback=fallback)
            if len(modes) == 1:
                text = _tr("Grok answers in the mode %1, and a question is counted there.")
                return text.replace("%1", words.mode(modes[0]))
            text = _tr("Grok answers in the mode %1; when that is used up, in %2, then in %3.")
            for number, one in enumerate(modes, 1):
                text = text.replace(f"%{number}", words.mode(one))
            return text
        case Does.SKETCH:
            return _tr("Drawn within a conversation in the mode Fast; each counts as a question.")
        case Does.VIDEO:
            return _tr("Made by Imagine, and counted as films. More than 6 s needs a Super or Heavy account.")
        case Does.EDIT:
            return _tr("Made by Imagine from your pictures, and counted as changes of pictures.")
        case Does.IMAGE | Does.QUALITY:
            return _tr("Made by Imagine, and counted as pictures.")


def ready_words(served: Served | None) -> str:
    """How many can serve now, of how many: `12 of 40`."""
    if served is None:
        return "…"
    text = _tr("%1 of %2").replace("%1", words.number(served.ready))
    return text.replace("%2", words.number(served.total))


def why_none(model: Model, served: Served | None, now: float) -> tuple[str, str]:
    """Why nobody can serve a model now, and where that is mended; nothing when somebody can."""
    if served is None or served.ready:
        return "", ""
    if not served.pool:
        return _tr("There is no account yet."), "accounts"
    if not served.total:
        text = _tr("There is no such account here: it needs %1.")
        return text.replace("%1", needs(model)), "accounts"
    if not served.usable:
        return _tr("All that could serve it are signed out, blocked or switched off."), "accounts:owner"
    if not served.able:
        return _tr("Grok does not offer it to any of the accounts."), "accounts"
    if served.soonest < inf:
        text = _tr("All that could serve it rest or are used up. The next is ready at %1.")
        return text.replace("%1", words.at(served.soonest, now)), "accounts"
    return "", ""


def full_name(row: ModelRow) -> str:
    """A name, and what it stands for."""
    return f"{row.name} → {row.target}" if row.target else row.name


def offered_words(row: ModelRow) -> str:
    """Whether clients can have it."""
    if row.model is None:
        return _tr("Nothing")
    return _tr("On") if row.is_on else _tr("Off")


# --- the table ----------------------------------------------------------------------------------------------


class Models(Rows[ModelRow]):
    """The names in the order in which clients list them."""

    def __init__(self, look: Look, parent: QObject | None = None) -> None:
        self._look = look
        super().__init__(
            (
                Column(_tr("Offered"), offered_words, offered_words, tip=_offered_tip, icon=self._tick),
                Column(_tr("Model"), full_name, full_name, tip=_title),
                Column(_tr("Makes"), _of_model(makes), _of_model(makes)),
                Column(_tr("Account"), _of_model(needs), _of_model(needs)),
                Column(
                    _tr("Ready now"),
                    _ready_cell,
                    lambda row: row.name,
                    icon=self._readiness,
                ),
            ),
            key=lambda row: row.key,
            parent=parent,
        )

    def show(self, rows: Sequence[ModelRow]) -> bool:
        """Show these; returns whether there are other ones than before, or in another order."""
        keys = [row.key for row in rows]
        if keys != list(self._all):
            self.fill(rows)
            return True
        self.apply({row.key: row for row in rows if row != self._all[row.key]})
        return False

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Say that a row can be moved: a screen reader tells it."""
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def _readiness(self, row: ModelRow) -> QIcon | None:
        served, tokens = row.served, self._look.tokens
        if served is None or row.model is None:
            return None
        if served.ready:
            return icon("state-ready", tokens.ok)
        if not served.total:
            return icon("state-off", tokens.text2)
        return icon("state-cooling", tokens.warn) if served.able else icon("state-owner", tokens.error)

    def _tick(self, row: ModelRow) -> QIcon:
        tokens = self._look.tokens
        if row.model is None:
            return icon("warning", tokens.warn)
        if row.target:
            return icon("link" if row.is_on else "unlink", tokens.text2)
        return icon("tick-on", tokens.accent) if row.is_on else icon("tick-off", tokens.text2)


def _ready_cell(row: ModelRow) -> str:
    if row.model is None:
        return "–"
    if row.served is None:
        return "…"
    return f"{words.number(row.served.ready)} / {words.number(row.served.total)}"


def _of_model(say: Callable[[Model], str]) -> Callable[[ModelRow], str]:
    return lambda row: say(row.model) if row.model is not None else "–"


def _title(row: ModelRow) -> str:
    return row.model.title if row.model is not None else ""


def _offered_tip(row: ModelRow) -> str:
    if row.model is None:
        return _tr("There is no model of this name, so asking for it fails.")
    if row.target:
        return _tr("Another name; it is offered as long as its model is.")
    return ""


def haystack(row: ModelRow) -> str:
    """What a search looks into."""
    parts = [row.name, row.target, *row.aliases]
    if row.model is not None:
        parts += [row.model.title, makes(row.model), needs(row.model)]
    return "\n".join(parts).casefold()


def _tr(text: str) -> str:
    return QCoreApplication.translate("Models", text)
