"""How it looks: the only place with colours, the palette and the few shared style rules made from them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetrics, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

SYSTEM: Final = "system"
LIGHT_CHOICE: Final = "light"
DARK_CHOICE: Final = "dark"

# 4 px grid.
GAP: Final = 12
MARGIN: Final = 24
ROW: Final = 32
RADIUS: Final = 6

NORMAL_SCALE: Final = 100
LINE: Final = 20


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours by what they are for."""

    bg: str
    surface: str
    sunken: str
    text: str
    text2: str
    border: str
    control: str
    accent: str
    on_accent: str
    ok: str
    warn: str
    error: str
    ok_fill: str
    warn_fill: str
    error_fill: str
    info_fill: str
    selection: str
    disabled: str


LIGHT: Final = Tokens(
    bg="#F7F7F8",
    surface="#FFFFFF",
    sunken="#EDEEF0",
    text="#1B1C1F",
    text2="#55585F",
    border="#C9CCD2",
    control="#7E828A",
    accent="#0B63CE",
    on_accent="#FFFFFF",
    ok="#17713A",
    warn="#8A5300",
    error="#B3261E",
    ok_fill="#E4F4E9",
    warn_fill="#FFF1D6",
    error_fill="#FDE7E5",
    info_fill="#E3EEFC",
    selection="#D5E5FB",
    disabled="#8B8F97",
)
DARK: Final = Tokens(
    bg="#17181B",
    surface="#1F2125",
    sunken="#121316",
    text="#ECEDEF",
    text2="#A9ADB5",
    border="#3A3D44",
    control="#7C818A",
    accent="#6CA8FF",
    on_accent="#0A1B33",
    ok="#66CE8C",
    warn="#F0B455",
    error="#FF8A80",
    ok_fill="#173322",
    warn_fill="#3A2C10",
    error_fill="#42201D",
    info_fill="#172C47",
    selection="#24415F",
    disabled="#6D7179",
)

# The same hues, further apart: for whoever asks for high contrast.
LIGHT_HIGH: Final = replace(
    LIGHT,
    bg="#FFFFFF",
    sunken="#EFEFF1",
    text="#000000",
    text2="#2E3035",
    border="#6B6F77",
    control="#3C3F45",
    accent="#0046A0",
    ok="#0B4F26",
    warn="#5F3900",
    error="#8C0F10",
    selection="#BBD6FA",
    disabled="#6B6F77",
)
DARK_HIGH: Final = replace(
    DARK,
    bg="#000000",
    surface="#0B0C0D",
    sunken="#000000",
    text="#FFFFFF",
    text2="#D6D9DE",
    border="#8D929B",
    control="#C3C7CE",
    accent="#9CC5FF",
    on_accent="#000000",
    ok="#8FE8AE",
    warn="#FFCE7A",
    error="#FFB0A8",
    selection="#163F6C",
    disabled="#8D929B",
)
ALL: Final = {"light": LIGHT, "dark": DARK, "light, high": LIGHT_HIGH, "dark, high": DARK_HIGH}

# Text of the first colour stands on each of the others; the tests hold every pair at 4.5.
TEXT_ON: Final = {
    "text": ("bg", "surface", "sunken", "selection", "ok_fill", "warn_fill", "error_fill", "info_fill"),
    "text2": ("bg", "surface", "sunken", "selection"),
    "accent": ("bg", "surface", "info_fill"),
    "on_accent": ("accent",),
    "ok": ("bg", "surface", "ok_fill"),
    "warn": ("bg", "surface", "warn_fill"),
    "error": ("bg", "surface", "error_fill"),
}
# Edges that tell a control from its ground stand at 3.
EDGE_ON: Final = {"control": ("bg", "surface"), "accent": ("bg", "surface")}

# The tray's icon in colour, by its shape: each stands at 3 or more on a light and on a dark panel.
TRAY: Final = {
    "running": "#2F80ED",
    "attention": "#C27400",
    "failed": "#E0484D",
    "busy": "#7E828A",
    "stopped": "#7E828A",
}

_CJK: Final = ("PingFang SC", "Microsoft YaHei UI")


class Look(QObject):
    """The theme in force.

    `changed` is emitted after palette and style are in place; icons are drawn anew then.
    """

    changed = Signal()
    scaled = Signal()
    """Text has another size; what is sized by it has to be built anew."""

    def __init__(self, qt: QApplication) -> None:
        super().__init__()
        self._qt = qt
        self._choice = SYSTEM
        self._high = False
        self.tokens = LIGHT
        self.scale = NORMAL_SCALE
        style = QStyleFactory.create("Fusion")
        if style is not None:
            qt.setStyle(style)
        self._system_font(qt)
        self._font = QFont(qt.font())
        self._hints = qt.styleHints()
        self._hints.colorSchemeChanged.connect(self._system_changed)
        # From Qt 6.10 on; before, nobody tells.
        self._wishes = self._hints.accessibility() if hasattr(self._hints, "accessibility") else None
        if self._wishes is not None:
            self._wishes.contrastPreferenceChanged.connect(self._system_changed)
        self._wear(self._wanted())

    @property
    def dark(self) -> bool:
        """Whether it is dark."""
        return self.tokens in {DARK, DARK_HIGH}

    @property
    def high_contrast(self) -> bool:
        """Whether contrast is high, by choice or because the system asks for it."""
        return self.tokens in {LIGHT_HIGH, DARK_HIGH}

    @property
    def system_high_contrast(self) -> bool:
        """Whether the system asks for high contrast."""
        return (
            self._wishes is not None
            and self._wishes.contrastPreference() is Qt.ContrastPreference.HighContrast
        )

    @property
    def system_dark(self) -> bool:
        """Whether the system says it is dark; light where it says nothing (offscreen and bare X11)."""
        return self._hints.colorScheme() is Qt.ColorScheme.Dark

    def choose(self, choice: str) -> None:
        """Follow `system`, or be `light` or `dark`."""
        if choice == self._choice:
            return
        self._choice = choice
        self._system_changed()

    def choose_contrast(self, *, high: bool) -> None:
        """Have high contrast, or only while the system asks for it."""
        if high != self._high:
            self._high = high
            self._system_changed()

    def choose_scale(self, percent: int) -> None:
        """Write at so much of the system's size."""
        if percent == self.scale:
            return
        self.scale = percent
        self._qt.setFont(scaled(self._font, percent / NORMAL_SCALE))
        self._wear(self.tokens)
        self.scaled.emit()

    def color(self, token: str) -> QColor:
        """The colour of a token."""
        return QColor(getattr(self.tokens, token))

    def _wanted(self) -> Tokens:
        dark = self.system_dark if self._choice == SYSTEM else self._choice == DARK_CHOICE
        if self._high or self.system_high_contrast:
            return DARK_HIGH if dark else LIGHT_HIGH
        return DARK if dark else LIGHT

    def _system_changed(self, *_: object) -> None:
        wanted = self._wanted()
        if wanted is not self.tokens:
            self._wear(wanted)
            self.changed.emit()

    def _wear(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._qt.setPalette(palette(tokens))
        self._qt.setStyleSheet(style_sheet(tokens, QFontMetrics(self._qt.font()).height()))

    @staticmethod
    def _system_font(qt: QApplication) -> None:
        # Not on Linux: there the name is an alias such as `Sans Serif`, which loses to any real family in the
        # list, and fontconfig finds Chinese by itself.
        if sys.platform in {"win32", "darwin"}:
            font = qt.font()
            font.setFamilies([*font.families(), *_CJK])
            qt.setFont(font)


def palette(tokens: Tokens) -> QPalette:
    """The palette Fusion paints with."""
    role = QPalette.ColorRole
    colours = {
        role.Window: tokens.bg,
        role.WindowText: tokens.text,
        role.Base: tokens.surface,
        role.AlternateBase: tokens.bg,
        role.Text: tokens.text,
        role.PlaceholderText: tokens.text2,
        role.Button: tokens.surface,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.error,
        role.Highlight: tokens.selection,
        role.HighlightedText: tokens.text,
        role.Link: tokens.accent,
        role.LinkVisited: tokens.accent,
        role.ToolTipBase: tokens.surface,
        role.ToolTipText: tokens.text,
        role.Accent: tokens.accent,
        role.Light: tokens.surface,
        role.Midlight: tokens.sunken,
        role.Mid: tokens.border,
        role.Dark: tokens.control,
        role.Shadow: tokens.control,
    }
    made = QPalette()
    for one, colour in colours.items():
        made.setColor(one, QColor(colour))
    for one in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        made.setColor(QPalette.ColorGroup.Disabled, one, QColor(tokens.disabled))
    return made


def resources() -> Path:
    """The folder `resources`: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "resources"
    return installed if installed.is_dir() else package.parent / "resources"


def style_sheet(tokens: Tokens, line: int = LINE) -> str:
    """The shared parts. Item views get no padding: it breaks their row heights.

    `line` is the height of a line of text: a button without words is as tall as one with words, or Qt would
    make all buttons of a row as low as the lowest.
    """
    sheet = _SHEET.replace("@line", f"{max(LINE, line)}px")
    for one in fields(tokens):
        sheet = sheet.replace(f"@{one.name};", f"{getattr(tokens, one.name)};")
    # A style sheet takes pictures only from files, and these only in the colours they are drawn in.
    tone = "dark" if tokens in {DARK, DARK_HIGH} else "light"
    return sheet.replace("@menu/", f"{resources().as_posix()}/menu/").replace("@tone", tone)


def scaled(font: QFont, factor: float, *, strong: bool = False) -> QFont:
    """A step of the type scale."""
    step = QFont(font)
    if font.pointSizeF() > 0:
        step.setPointSizeF(font.pointSizeF() * factor)
    else:
        step.setPixelSize(round(font.pixelSize() * factor))
    if strong:
        step.setWeight(QFont.Weight.DemiBold)
    return step


def code_font() -> QFont:
    """The system's font for code, as much larger or smaller as all text is."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    usual, now = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont), QApplication.font()
    if usual.pointSizeF() > 0 and now.pointSizeF() > 0:
        font = scaled(font, now.pointSizeF() / usual.pointSizeF())
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setFixedPitch(True)
    return font


_SHEET: Final = """
QPushButton {
  background: @surface; color: @text; border: 1px solid @control; border-radius: 6px; padding: 5px 12px;
  min-height: @line; outline: none;
}
QPushButton:hover { background: @sunken; }
QPushButton:pressed { background: @selection; }
QPushButton:focus { border: 2px solid @accent; padding: 4px 11px; }
QPushButton:disabled { color: @disabled; border-color: @border; background: @bg; }
QPushButton[kind="primary"] { background: @accent; color: @on_accent; border-color: @accent; }
QPushButton[kind="primary"]:focus { border: 2px solid @text; }
QPushButton[kind="primary"]:disabled { background: @border; color: @disabled; border-color: @border; }
QPushButton[kind="switch"]:checked { background: @selection; border: 2px solid @accent; padding: 4px 11px; }
QPushButton[kind="switch"]:checked:focus { border: 2px solid @text; }
QPushButton[kind="plain"] { background: transparent; border: 1px solid transparent; color: @accent; }
QPushButton[kind="plain"]:hover { background: @sunken; }
QPushButton[kind="plain"]:focus { border: 2px solid @accent; }

QLineEdit, QPlainTextEdit, QComboBox {
  background: @surface; color: @text; border: 1px solid @control; border-radius: 6px; padding: 5px 8px;
  selection-background-color: @selection; selection-color: @text; placeholder-text-color: @text2;
}
QLineEdit, QComboBox { min-height: @line; }
QComboBox { padding-right: 24px; }
QComboBox:focus { padding-right: 23px; }
QComboBox::drop-down { border: none; width: 0; }
QComboBox::down-arrow { image: none; }
QLineEdit:focus, QPlainTextEdit:focus, QComboBox:focus { border: 2px solid @accent; padding: 4px 7px; }
QLineEdit:disabled, QPlainTextEdit:disabled, QComboBox:disabled {
  background: @bg; color: @text2; border-color: @border;
}
QPlainTextEdit[kind="code"] { background: @sunken; border: 1px solid @border; }
QPlainTextEdit[kind="code"]:focus { border: 2px solid @accent; padding: 4px 7px; }

QRadioButton, QCheckBox {
  border: 2px solid transparent; border-radius: 6px; padding: 2px 4px; min-height: @line;
}
QRadioButton:focus, QCheckBox:focus { border-color: @accent; }
QRadioButton::indicator, QCheckBox::indicator {
  width: 14px; height: 14px; border: 1px solid @control; background: @surface;
}
QCheckBox::indicator { border-radius: 4px; }
QCheckBox::indicator:checked {
  border-color: @accent; background: @accent; image: url("@menu/mark-@tone.svg");
}
QRadioButton::indicator { border-radius: 8px; }
QRadioButton::indicator:checked {
  width: 6px; height: 6px; border: 5px solid @accent; background: @on_accent;
}
QRadioButton::indicator:disabled, QCheckBox::indicator:disabled { border-color: @border; background: @bg; }

QToolButton { border: 1px solid transparent; border-radius: 6px; padding: 4px; background: transparent; }
QToolButton:hover { background: @sunken; }
QToolButton:focus { border: 2px solid @accent; padding: 3px; }

QFrame[kind="card"] { background: @surface; border: 1px solid @border; border-radius: 8px; }
QFrame[kind="panel"] { background: @surface; border: 1px solid @control; border-radius: 8px; }
QFrame[kind="panel"] QListView { background: @surface; border: none; outline: none; }
QFrame[kind="panel"] QListView::item:selected { background: @selection; color: @text; }
QFrame[kind="line"] { background: @border; border: none; }
QWidget[kind="bar"] { background: @surface; }
QWidget[kind="sidebar"] { background: @sunken; }
QFrame[kind="toast"] { background: @text; border: none; border-radius: 8px; }
QFrame[kind="toast"] QLabel { color: @bg; }
QFrame[kind="toast"] QPushButton {
  background: transparent; color: @bg; border: 1px solid @bg; padding: 3px 10px;
}
QFrame[kind="toast"] QPushButton:focus { border: 2px solid @bg; padding: 2px 9px; }

QFrame[kind="banner"] { border: none; }
QFrame[kind="banner"][tone="error"] { background: @error_fill; }
QFrame[kind="banner"][tone="warn"] { background: @warn_fill; }
QFrame[kind="banner"][tone="info"] { background: @info_fill; }
QFrame[kind="banner"][tone="ok"] { background: @ok_fill; }

QLabel[tone="quiet"] { color: @text2; }
QLabel[tone="error"] { color: @error; }
QLabel[tone="warn"] { color: @warn; }
QLabel[tone="ok"] { color: @ok; }

QPushButton[kind="place"] {
  background: transparent; border: 1px solid transparent; text-align: left; padding: 7px 11px; color: @text;
}
QPushButton[kind="place"]:hover { background: @border; }
QPushButton[kind="place"]:checked { background: @selection; font-weight: 600; }
QPushButton[kind="place"]:focus { border: 2px solid @accent; padding: 6px 10px; }
QPushButton[kind="place"][slim="true"] { padding: 4px 11px; }
QPushButton[kind="place"][slim="true"]:focus { padding: 3px 10px; }
QPushButton[kind="place"][narrow="true"] { padding: 7px 0; text-align: center; }
QPushButton[kind="place"][narrow="true"]:focus { padding: 6px 0; }

QTabBar::tab {
  background: transparent; color: @text2; padding: 6px 12px; border: none; border-bottom: 2px solid
  transparent;
}
QTabBar::tab:selected { color: @text; border-bottom: 2px solid @accent; }
QTabBar::tab:hover { color: @text; }
QTabBar:focus { border: 2px solid @accent; border-radius: 6px; }

QListView[kind="places"] {
  background: @surface; border: 1px solid @border; border-radius: 8px; padding: 3px;
}
QListView[kind="places"]:focus { border: 2px solid @accent; padding: 2px; }
QTableView, QTreeView {
  background: @surface; border: 1px solid @border; border-radius: 8px; gridline-color: transparent;
  selection-background-color: @selection; selection-color: @text;
}
QTableView:focus, QTreeView:focus { border: 2px solid @accent; }
QHeaderView { background: @surface; border: none; }
QHeaderView::section {
  background: @surface; color: @text2; border: none; border-bottom: 1px solid @border; padding: 6px 8px; text-
  align: left;
}
QHeaderView::section:hover { color: @text; }
QProgressBar { background: @border; border: none; border-radius: 3px; }
QProgressBar::chunk { background: @accent; border-radius: 3px; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: 12px; }
QScrollBar:horizontal { height: 12px; }
QScrollBar::handle { background: @control; border-radius: 3px; margin: 3px; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover, QScrollBar::handle:pressed { background: @text2; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QScrollArea { border: none; background: transparent; }
QScrollArea:focus { border: 2px solid @accent; }
QScrollArea[kind="reading"] { border: 2px solid transparent; }
QScrollArea[kind="reading"]:focus { border-color: @accent; }
QSplitter::handle { background: transparent; }
QToolTip { background: @surface; color: @text; border: 1px solid @control; padding: 4px 6px; }
QMenu { background: @surface; color: @text; border: 1px solid @border; padding: 4px; menu-scrollable: 1; }
QMenu::indicator { width: 16px; height: 16px; padding-left: 4px; }
QMenu::indicator:checked { image: url("@menu/tick-@tone.svg"); }
QMenu::indicator:unchecked { image: url("@menu/box-@tone.svg"); }
QMenu::item { padding: 6px 24px 6px 8px; border-radius: 4px; }
QMenu::icon { padding-left: 8px; }
QMenu::item:selected { background: @selection; }
QMenu::item:disabled { color: @text2; }
QMenu::separator { height: 1px; background: @border; margin: 4px 8px; }
"""
