"""How settings are said: pages, choices, units, and what is wrong with a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QCoreApplication, QLocale

from grokdesk.core.setting_fields import (
    Fault,
    Kind,
    SettingField,
    SettingSection,
    Unit,
    Wrong,
    fields,
    sections,
)
from grokdesk.ui.languages import told

_DOTTED: Final = re.compile(r"\b[a-z_]+\.[a-z_]+\b")
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_GIGABYTE: Final = 1_024
_GROUPED_FROM: Final = 100_000
_SHORTEST: Final = -128


@dataclass(frozen=True, slots=True)
class Page:
    """A page of settings: one section, or a few that belong together."""

    key: str
    title: str
    sections: tuple[SettingSection, ...]


def pages() -> tuple[Page, ...]:
    """Every section on exactly one page; one that is named nowhere here has a page of its own."""
    by_key = {section.key: section for section in sections()}
    made: list[Page] = []
    for key, title, names in (
        ("general", _tr("General"), ("appearance", "keys", "startup", "updates")),
        ("notifications", _tr("Notifications"), ("notifications",)),
        ("gateway", _tr("Gateway"), ("gateway",)),
        ("models", _tr("Models"), ("models",)),
        ("chat", _tr("Chat"), ("chat",)),
        ("media", _tr("Pictures and films"), ("media",)),
        ("accounts", _tr("Accounts"), ("accounts",)),
        ("network", _tr("Network"), ("egress",)),
        ("limits", _tr("Tries and times"), ("retry", "timeouts")),
        ("grok", _tr("Grok web"), ("grok_web",)),
        ("privacy", _tr("Privacy"), ("privacy",)),
        ("storage", _tr("Storage"), ("storage",)),
        ("logs", _tr("Logs"), ("logging",)),
    ):
        found = tuple(by_key.pop(name) for name in names if name in by_key)
        if found:
            made.append(Page(key, title, found))
    made += [Page(key, section_title(section), (section,)) for key, section in by_key.items()]
    return tuple(made)


def section_title(section: SettingSection) -> str:
    """The heading of a section."""
    known = {
        "appearance": _tr("Appearance"),
        "keys": _tr("Keys"),
        "startup": _tr("At start"),
        "notifications": _tr("Notifications"),
        "updates": _tr("New versions"),
        "gateway": _tr("Gateway"),
        "models": _tr("Models"),
        "chat": _tr("Chat"),
        "media": _tr("Pictures and films"),
        "accounts": _tr("Accounts"),
        "egress": _tr("Network"),
        "retry": _tr("Tries"),
        "timeouts": _tr("Time limits"),
        "grok_web": _tr("Grok web"),
        "privacy": _tr("Privacy"),
        "storage": _tr("Storage"),
        "logging": _tr("Logs"),
    }
    return known.get(section.key) or section.key.replace("_", " ").capitalize()


def of_model(text: str) -> str:
    """A title or help of the settings model in the language of the window."""
    return QCoreApplication.translate("Settings", text) if text else ""


def choice(field: SettingField, value: str) -> str:
    """What a choice means; with its name in the file where the help speaks of it."""
    said = {
        "ChatForm": {
            "auto": _tr("Automatic"),
            "gateway": _tr("Message gateway"),
            "rest": _tr("Older form"),
        },
        "StatsigMode": {
            "imitation": _tr("Imitated"),
            "signer": _tr("From a signer"),
            "manual": _tr("Fixed value"),
            "off": _tr("None"),
        },
        "ClearanceMode": {
            "none": _tr("Nothing is done"),
            "manual": _tr("Cookies pasted by hand"),
            "flaresolverr": _tr("A FlareSolverr you run"),
        },
        "EgressMode": {
            "direct": _tr("Directly"),
            "system": _tr("As the system is set"),
            "proxies": _tr("Through the proxies below"),
        },
        "CleanUp": {
            "off": _tr("Keep them"),
            "disable": _tr("Switch them off"),
            "remove": _tr("Remove them"),
        },
        "LogLevel": {
            "debug": _tr("Everything"),
            "info": _tr("Normal"),
            "warning": _tr("Warnings"),
            "error": _tr("Errors only"),
        },
        # Each in its own words, so that one who cannot read the others finds it.
        "Language": {"system": _tr("Like the system"), "en": "English", "zh_CN": "简体中文"},
        "TrayIcon": {
            "auto": _tr("Automatic"),
            "light": _tr("Light, for a dark panel"),
            "dark": _tr("Dark, for a light panel"),
            "colour": _tr("In colour"),
        },
        "Theme": {"system": _tr("Like the system"), "light": _tr("Light"), "dark": _tr("Dark")},
        "ImageForm": {
            "grok_url": _tr("Grok's address"),
            "local_url": _tr("Address here"),
            "grok_md": _tr("Markdown, at Grok"),
            "local_md": _tr("Markdown, kept here"),
            "base64": _tr("In the text"),
        },
        "VideoForm": {
            "grok_url": _tr("Grok's address"),
            "local_url": _tr("Address here"),
            "grok_html": _tr("Player, at Grok"),
            "local_html": _tr("Player, kept here"),
        },
        "MediaForm": {"auto": _tr("Automatic"), "current": _tr("Current"), "older": _tr("Older")},
        "Strategy": {"quota": _tr("Most left"), "random": _tr("At random")},
    }
    words = said.get(field.choices_of, {}).get(value, "")
    if not words:
        return value
    if re.search(rf"\b{re.escape(value)}\b", field.help):
        return _tr("%1 (%2)").replace("%1", words).replace("%2", value)
    return words


def switch(*, on: bool) -> str:
    """The word for a switch."""
    return _tr("On") if on else _tr("Off")


def unit(one: Unit) -> str:
    """The unit behind a number."""
    return {
        Unit.NONE: "",
        Unit.SECONDS: _tr("seconds"),
        Unit.DAYS: _tr("days"),
        Unit.MEGABYTES: _tr("MB"),
    }[one]


def in_larger_units(one: Unit, value: object) -> str:
    """A large number once more as one reads it: `= 24 hours`. Empty for a small one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    steps: tuple[tuple[int, str], ...] = ()
    if one is Unit.SECONDS:
        steps = ((_DAY, _tr("= %1 d")), (_HOUR, _tr("= %1 h")), (_MINUTE, _tr("= %1 min")))
    elif one is Unit.MEGABYTES:
        steps = ((_GIGABYTE, _tr("= %1 GB")),)
    for size, text in steps:
        if value >= 2 * size or value == size:
            return text.replace("%1", number(round(value / size, 1)))
    return ""


def number(value: float) -> str:
    """A number as one reads it; only from a hundred thousand on in groups, so that a port looks like one."""
    if value != int(value):
        return QLocale().toString(value, "f", _SHORTEST)
    return QLocale().toString(int(value)) if value >= _GROUPED_FROM else str(int(value))


def bounds(field: SettingField) -> str:
    """Which numbers a setting takes; empty for one that is no number."""
    if field.kind not in {Kind.WHOLE, Kind.NUMBER} or field.low is None or field.high is None:
        return ""
    return _tr("%1 to %2").replace("%1", number(field.low)).replace("%2", number(field.high))


def problem(field: SettingField, wrong: Wrong) -> str:
    """What is wrong with a value, as a sentence."""
    match wrong.fault:
        case Fault.BOUNDS if bounds(field):
            text = _tr("A whole number, %1.") if field.kind is Kind.WHOLE else _tr("A number, %1.")
            return text.replace("%1", bounds(field))
        case Fault.LONG if field.longest is not None:
            return _tr("At most %1 characters.").replace("%1", number(field.longest))
        case Fault.SHORT if field.shortest is not None:
            return _tr("At least %1 characters.").replace("%1", number(field.shortest))
        case Fault.CHOICE:
            return _tr("One of the choices.")
        case _:
            said = told(re.sub(r"^(Input|String) should", "must", wrong.message))
            said = named(said).rstrip(".。")
            return _tr("%1.").replace("%1", f"{said[:1].upper()}{said[1:]}")


def named(text: str) -> str:
    """A sentence that names settings by their titles instead of their places in the file."""

    def title(found: re.Match[str]) -> str:
        field = fields().get(found[0])
        return _tr("‘%1’").replace("%1", of_model(field.title)) if field is not None else found[0]

    return _DOTTED.sub(title, text)


def _tr(text: str) -> str:
    return QCoreApplication.translate("SettingsWords", text)
