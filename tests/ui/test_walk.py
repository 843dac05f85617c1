"""A walk through every window, page and dialog: nothing cut off, nameless, out of reach or too faint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QTableWidget,
    QVBoxLayout,
    QWidget,
)

from tests.ui import walking
from tests.ui.faces import settle
from tests.ui.gallery import INVENTED, SIZE, SMALL, Language, Seed, Stage, Theme, shots, spoken, staged

Check = Callable[[QWidget], list[str]]


async def walk(stage: Stage, *checks: Check, themes: tuple[Theme, ...] = (Theme.LIGHT,)) -> None:
    """Show every window of a stage, and fail with all that the checks find."""
    found = []
    # Another theme dresses every widget anew, so there is one change and not one a window.
    for theme in themes:
        if theme is not Theme.LIGHT:
            await stage.open(stage.language)
            stage.wear(theme)
        for shot in shots(stage.seed):
            wanted = [check for check in checks if shot.walked or check is not walking.walk]
            shown = await stage.show(shot)
            if not isinstance(shown, QMenu):
                for check in wanted:
                    found += [f"{shot.name}, {theme}: {wrong}" for wrong in check(shown)]
            await stage.tidy()
    stage.wear(Theme.LIGHT)
    if found:
        pytest.fail("\n".join([f"{len(found)} findings", *found]), pytrace=False)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", Seed)
async def test_everything_is_named_within_reach_and_large_enough(
    seed: Seed, tmp_path: Path, qapp: QApplication
) -> None:
    """
    Tab passes every control once, in reading order, and shows where it is; a screen reader can name each.
    """
    async with staged(seed, tmp_path, qapp) as stage:
        await stage.open()
        await walk(stage, walking.nameless, walking.small, walking.walk)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", Seed)
async def test_every_text_stands_out_in_both_themes(seed: Seed, tmp_path: Path, qapp: QApplication) -> None:
    """
    As it is drawn, not as it was meant: 4.5 to 1, large letters 3 to 1.
    """
    async with staged(seed, tmp_path, qapp) as stage:
        await stage.open()
        await walk(stage, walking.faint, themes=tuple(Theme))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", Seed)
@pytest.mark.parametrize("language", [*spoken(), Language.LONG])
async def test_no_text_is_cut_off(seed: Seed, language: Language, tmp_path: Path, qapp: QApplication) -> None:
    """
    In every language as the window opens, and in the smallest window where texts are four tenths longer.
    """
    async with staged(seed, tmp_path, qapp) as stage:
        await stage.open(language, SMALL if language is Language.LONG else SIZE)
        await walk(stage, walking.clipped, *([untranslated] if language is Language.CHINESE else []))


def untranslated(window: QWidget) -> list[str]:
    """What is English in a Chinese window, but for what was invented in English."""
    return walking.english_left(window, INVENTED)


# --- the walk itself ----------------------------------------------------------------------------------------


class Bad(QWidget):
    """A window in which nothing is as it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.setStyleSheet("QPushButton { border: 1px solid gray; min-height: 0; padding: 0; }")
        self.resize(360, 400)
        cut = QLabel("This sentence is longer than the room that it has been given here.")
        cut.setFixedWidth(80)
        low = QLabel("This sentence has room for one of its lines, but it has two or three of them.")
        low.setWordWrap(True)
        low.setFixedSize(150, 16)
        faint = QLabel("Hardly to be seen")
        faint.setStyleSheet("color: #999; background: #bbb")
        self.nameless = QLineEdit()
        self.tiny = QPushButton("Tiny")
        self.tiny.setFixedSize(40, 12)
        self.tiny.setMinimumSize(40, 12)
        table = QTableWidget(1, 1)
        table.setAccessibleName("Table")
        table.setHorizontalHeaderLabels(["A heading that is far too long"])
        table.setColumnWidth(0, 40)
        layout = QVBoxLayout(self)
        for one in (cut, low, faint, self.nameless, self.tiny, table):
            layout.addWidget(one)


@pytest.fixture
async def bad(qapp: QApplication) -> Bad:
    window = Bad()
    window.show()
    window.activateWindow()
    await settle()
    return window


def about(found: list[str], *words: str) -> bool:
    """Whether one of the findings says all of this."""
    return any(all(word in one for word in words) for one in found)


async def test_the_walk_finds_texts_that_are_cut_off(bad: Bad) -> None:
    """
    Too wide, too high, in a heading.
    """
    found = walking.clipped(bad)

    assert about(found, "longer than the room", "px and has")
    assert about(found, "one of its lines", "of height")
    assert about(found, "headings", "far too long")
    bad.close()


async def test_the_walk_finds_what_is_nameless_small_or_faint(bad: Bad) -> None:
    """
    A field without a name, a button of 12 px, grey on grey.
    """
    assert about(walking.nameless(bad), "QLineEdit", "no name")
    assert about(walking.small(bad), "'Tiny'", "40 × 12")
    assert about(walking.faint(bad), "Hardly to be seen")
    bad.close()


async def test_the_walk_finds_what_shows_no_mark_of_the_keyboard(bad: Bad) -> None:
    """
    A button that looks the same with it.
    """
    bad.setFocus()

    assert about(walking.walk(bad), "'Tiny'", "does not show")
    bad.close()


class Trap(QLineEdit):
    """A field that Tab does not leave."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Tab:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, on: bool) -> bool:
        return True


async def test_the_walk_finds_traps_and_wrong_order(qapp: QApplication) -> None:
    """
    A field that keeps the keyboard, and two buttons the wrong way round.
    """
    trapped, turned = QWidget(), QWidget()
    trap = QVBoxLayout(trapped)
    trap.addWidget(Trap())
    trap.addWidget(QPushButton("After"))
    row = QHBoxLayout(turned)
    left, middle, right = (QPushButton(text) for text in ("Left", "Middle", "Right"))
    for one in (left, middle, right):
        row.addWidget(one)
    QWidget.setTabOrder(left, right)
    QWidget.setTabOrder(right, middle)
    for window in (trapped, turned):
        window.show()
        window.activateWindow()
        await settle()
        found = walking.walk(window)
        assert about(found, "keeps the keyboard") or about(found, "Tab goes back", "'Right'", "'Middle'")
        window.close()
