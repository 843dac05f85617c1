"""The language of the windows: its texts, its numbers and dates, changed while the program runs.

`Languages` holds the one translator of the application. English needs only its plurals made; every other
language has a file of Qt Linguist in `ui/i18n`, written by `make texts`. It is read as it is, 2,700 texts in
15 ms and only when that language is spoken, so a checkout needs no step of building and no text can be stale.

What the program says to apps is English and stays so. In a window `told` says the same in its language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import starmap
from pathlib import Path
from typing import Final

from PySide6.QtCore import QCoreApplication, QEvent, QLibraryInfo, QLocale, QObject, QTranslator
from PySide6.QtWidgets import QApplication

ENGLISH: Final = "en"
CHINESE: Final = "zh_CN"
SYSTEM: Final = "system"
FOLDER: Final = Path(__file__).resolve().parent / "i18n"

SENTENCES: Final = "Errors"
"""The context of what the engine says."""

_REMEMBERED: Final = 2_000
_DEEPEST: Final = 4
_HEAVY: Final = 16
# What is longer quotes somebody, and would take long to look through.
_LONGEST: Final = 600
_MOST: Final = 8
_PLACE: Final = re.compile(r"%(\d)")
_SENTENCES: Final = re.compile(r"(?<=[.?!]) +(?=\S)")
_WORD: Final = re.compile("[a-z]{3,}")
_ITEMS: Final = re.compile(r", | and ")
_COLON: Final = ": "
# Read without tomllib: it is two words, and the icon waits for them.
_CHOSEN: Final = re.compile(
    r"""^\[appearance\](?:\n(?!\[).*)*?\nlanguage\s*=\s*["'](\w+)["']""", re.MULTILINE
)

Say = Callable[[str, str, int], str | None]
"""Context, English text and count (-1: none) to a text; None leaves the English one."""


class Languages:
    """Which language the windows speak: `now`, empty as long as nobody has said. One for the application."""

    def __init__(self, qt: QCoreApplication) -> None:
        self.now = ""
        self._qt = qt
        self._texts = _Texts(qt)
        self._own = QTranslator(qt)
        qt.installTranslator(self._texts)

    def speak(self, choice: str) -> bool:
        """Speak the language of the setting `appearance.language`; tells whether that is another one.

        Windows that are open keep the texts they have until they are built anew.
        """
        wanted = language_of(choice)
        if wanted == self.now:
            return False
        self._qt.removeTranslator(self._own)
        if wanted == ENGLISH:
            self.say(ENGLISH, english, {})
        else:
            texts = read(FOLDER / f"grokdesk_{wanted}.ts")
            # What Qt says itself, such as in dialogs for files; some systems leave its texts out.
            if self._own.load(
                f"qtbase_{wanted}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
            ):
                self._qt.installTranslator(self._own)
            self.say(wanted, _from(texts), sentences(texts), apart="")
        return True

    def say(self, name: str, say: Say, known: Mapping[str, str], *, apart: str = " ") -> None:
        """Speak by `say` from now on, and tell sentences of the engine by `known`, with `apart` between two.

        Also for languages that only tests speak.
        """
        self.now = name
        self._texts.say = say
        _speaker.take(known, apart)
        QLocale.setDefault(locale_of(name))
        if isinstance(self._qt, QApplication):
            for window in self._qt.topLevelWidgets():
                window.unsetLocale()
        QCoreApplication.postEvent(self._qt, QEvent(QEvent.Type.LanguageChange))


class _Texts(QTranslator):
    """The translator that Qt asks for every text."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.say: Say = english

    def isEmpty(self) -> bool:
        return False

    def translate(
        self,
        context: str,
        sourceText: str,  # noqa: N803 - Qt's name
        disambiguation: str | None = None,
        n: int = -1,
    ) -> str:
        # None is a null string, which Qt takes for "not translated"; an empty one would be shown.
        return self.say(context, sourceText, n)  # type: ignore[return-value]  # the stub does not know


def languages() -> Languages:
    """The languages of the application, which has to be there."""
    qt = QCoreApplication.instance()
    assert qt is not None
    found = _of.get(qt)
    if found is None:
        found = _of[qt] = Languages(qt)
    return found


def english(_context: str, text: str, count: int) -> str | None:
    """Make `1 account` and `2 accounts` of `%n account(s)`, and leave every other text alone."""
    if count < 0 or "(s)" not in text:
        return None
    return text.replace("(s)", "" if count == 1 else "s")


def _from(texts: Mapping[tuple[str, str], str]) -> Say:
    def say(context: str, text: str, _count: int) -> str | None:
        return texts.get((context, text))

    return say


def language_of(choice: str, wishes: list[str] | None = None) -> str:
    """The language for the setting `choice`; `wishes` are those of the system, in its order."""
    if choice != SYSTEM:
        return CHINESE if choice == CHINESE else ENGLISH
    for wish in QLocale.system().uiLanguages() if wishes is None else wishes:
        name = wish.replace("_", "-").casefold().partition("-")[0]
        if name == "zh":
            return CHINESE
        if name == "en":
            return ENGLISH
    return ENGLISH


def locale_of(language: str) -> QLocale:
    """How numbers and dates are written: in the language of the window, as in the country of the system."""
    system = QLocale.system()
    wanted = QLocale(CHINESE if language == CHINESE else ENGLISH)
    if system.language() == wanted.language() and system.script() == wanted.script():
        return system
    here = QLocale(wanted.language(), wanted.script(), system.territory())
    return here if here.territory() == system.territory() else wanted


def chosen(config: Path | None, environment: Mapping[str, str]) -> str:
    """What environment or settings file say of the language, while there are no settings yet.

    A file that cannot be used is explained later, by those who read the rest of it.
    """
    said = environment.get("GROKDESK__APPEARANCE__LANGUAGE")
    if said is None and config is not None:
        try:
            found = _CHOSEN.search(config.read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError):
            return SYSTEM
        said = found[1] if found else None
    return said if said in {ENGLISH, CHINESE} else SYSTEM


# --- the file -----------------------------------------------------------------------------------------------


def read(path: Path) -> dict[tuple[str, str], str]:
    """Read a file of Qt Linguist: translations by context and English text, without what is not finished.

    Of a text with a count it is the first form: the languages here have one.
    """
    # Read only when such a language is spoken, and it takes 10 ms to import.
    from xml.etree import ElementTree as ET  # noqa: PLC0415

    texts: dict[tuple[str, str], str] = {}
    for context in ET.parse(path).getroot().iter("context"):  # noqa: S314 - our own file
        name = context.findtext("name", "")
        for message in context.iter("message"):
            told_as = message.find("translation")
            if told_as is None or told_as.get("type"):
                continue
            text = told_as.findtext("numerusform") or told_as.text
            if text:
                texts[name, message.findtext("source", "")] = text
    return texts


def sentences(texts: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """The sentences of the engine among the texts."""
    return {source: text for (context, source), text in texts.items() if context == SENTENCES}


# --- what the engine says -----------------------------------------------------------------------------------


class _Speaker:
    """Says sentences of the engine in the language of the window, by the patterns they are made from."""

    def __init__(self) -> None:
        self._known: Mapping[str, str] = {}
        self._patterns: list[_Pattern] | None = None
        self._told: dict[str, str] = {}
        self._colon = _COLON
        self.apart = " "

    def take(self, known: Mapping[str, str], apart: str) -> None:
        """Speak another language."""
        self._known, self._patterns, self._told, self.apart = known, None, {}, apart
        self._colon = _COLON if apart else "："

    def tell(self, text: str) -> str:
        if not self._known or not text:
            return text
        told = self._told.get(text)
        if told is None:
            if len(self._told) >= _REMEMBERED:
                self._told.clear()
            told = self._told[text] = self._find(text, 0) or text
        return told

    def _find(self, text: str, depth: int) -> str | None:
        """A sentence, lines, several sentences in a row, or `head: sentence`; None when not known."""
        if depth > _DEEPEST or len(text) > _LONGEST:
            return None
        if "\n" in text:
            lines = text.split("\n")
            found = [self._find(line, depth + 1) for line in lines]
            if not any(found):
                return None
            return "\n".join(one or line for one, line in zip(found, lines, strict=True))
        return self._one(text, depth) or self._several(text, depth)

    def _one(self, text: str, depth: int) -> str | None:
        return (
            self._known.get(text)
            or self._by_pattern(text, depth, heavy=True)
            or self._after_colon(text, depth)
            or self._by_pattern(text, depth, heavy=False)
            or self._listed(text, depth)
            or self._piece(text, depth)
        )

    def _piece(self, text: str, depth: int) -> str | None:
        """What is known without its full stop: a title, or a piece that stands as a sentence."""
        if depth > _DEEPEST or not text.endswith("."):
            return None
        found = self._one(text[:-1], depth + 1)
        return None if found is None else found + ("." if self.apart else "。")

    def _by_pattern(self, text: str, depth: int, *, heavy: bool) -> str | None:
        if self._patterns is None:
            made = starmap(_Pattern, ((source, to) for source, to in self._known.items() if "%1" in source))
            self._patterns = sorted(made, key=lambda pattern: -pattern.weight)
        for pattern in self._patterns:
            if pattern.is_heavy is not heavy:
                continue
            parts = pattern.parts(text)
            if parts is None:
                continue
            there = {place: self._find(part, depth + 1) for place, part in parts.items()}
            # `%1 hours` is not in a sentence that happens to end so, and no place holds the end of one.
            if any(
                there[place] is None and (_SENTENCES.search(part) or (part.count(" ") > 1 and not heavy))
                for place, part in parts.items()
            ):
                continue
            return pattern.filled({place: found or parts[place] for place, found in there.items()})
        return None

    def _listed(self, text: str, depth: int) -> str | None:
        """Tell `One thing, another thing and a third.` thing by thing, when all of them are known."""
        body = text.removesuffix(".")
        items = _ITEMS.split(body)
        if not 1 < len(items) <= _MOST:
            return None
        told: list[str] = []
        known = False
        for item in items:
            found = self._find(item, depth + 1) or self._find(item[:1].lower() + item[1:], depth + 1)
            if found is None and _WORD.search(item):
                return None
            known = known or found is not None
            told.append(found or item)
        if not known:
            return None
        between, end = (", ", ".") if self.apart else ("、", "。")
        return between.join(told) + (end if body != text else "")

    def _after_colon(self, text: str, depth: int) -> str | None:
        head, colon, tail = text.partition(_COLON)
        found = self._find(tail, depth + 1) if colon else None
        if found is None:
            return None
        return f"{self._find(head, depth + 1) or head}{self._colon}{found}"

    def _several(self, text: str, depth: int) -> str | None:
        """Tell sentence by sentence, of those known together the longest run; None if one is not known."""
        pieces = _SENTENCES.split(text)
        found: list[str] = []
        if len(pieces) > _MOST:
            return None
        while pieces:
            for end in range(len(pieces), 0, -1):
                run = " ".join(pieces[:end])
                one = None if run == text else self._one(run, depth + 1)
                if one is not None:
                    found.append(one)
                    del pieces[:end]
                    break
            else:
                return None
        return self.apart.join(found)


class _Pattern:
    """A sentence with places for something, such as `The model '%1' does not exist.`."""

    __slots__ = ("_after", "_before", "_middle", "_places", "is_heavy", "to", "weight")

    def __init__(self, source: str, to: str) -> None:
        pieces = _PLACE.split(source)
        self._before, *self._middle, self._after = pieces[::2]
        self._places = pieces[1::2]
        self.to = to
        self.weight = len(source) - 2 * source.count("%")
        self.is_heavy = self.weight >= _HEAVY

    def parts(self, text: str) -> dict[str, str] | None:
        """What stands in the places, by their numbers; None for another sentence.

        Each piece between two places is taken where it is found first. A regular expression would try all
        ways to cut a text, which takes seconds for some.
        """
        start, end = len(self._before), len(text) - len(self._after)
        if start > end or not text.startswith(self._before) or not text.endswith(self._after):
            return None
        found: list[str] = []
        for piece in self._middle:
            at = text.find(piece, start, end)
            if at < 0:
                return None
            found.append(text[start:at])
            start = at + len(piece)
        return dict(zip(self._places, (*found, text[start:end]), strict=True))

    def filled(self, parts: Mapping[str, str]) -> str:
        """The translation with something in its places."""
        return _PLACE.sub(lambda found: parts.get(found[1], found[0]), self.to)


_speaker: Final = _Speaker()
_of: Final[dict[QCoreApplication, Languages]] = {}


def told(*texts: str) -> str:
    """Sentences of the engine, such as message and hint of an error, in the language of the window.

    What is not known is told as it is. In English they are only put together.
    """
    return joined(*(_speaker.tell(text) for text in texts))


def joined(*texts: str) -> str:
    """Sentences of the window, one after another."""
    whole = ""
    for text in filter(None, texts):
        # After a sentence in Latin letters there is a space in every language.
        whole += (" " if whole[-1:].isascii() and whole else _speaker.apart if whole else "") + text
    return whole
