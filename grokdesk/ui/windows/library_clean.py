"""Clean: says what would go before anything goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QVBoxLayout, QWidget

from grokdesk.core.library import Sought, Used
from grokdesk.core.media import Kind
from grokdesk.engine.library import Library
from grokdesk.ui import dialogs
from grokdesk.ui.desk import Desk
from grokdesk.ui.models.library import size
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.parts import button, buttons_row, fit, quiet, section

_WIDTH: Final = 480


@dataclass(frozen=True, slots=True)
class Dirt:
    """What could go: above the limits, files by kind without favourites, and deleted ones."""

    excess: Mapping[Kind, Used]
    ordinary: Mapping[Kind, int]
    removed: int


async def clean(desk: Desk, over: QWidget) -> None:
    """Say what could go, ask, and do it. What is only removed comes back by undo."""
    library = desk.host.library
    ordinary = {kind: await library.count(Sought(kind=kind, favourite=False)) for kind in Kind}
    dirt = Dirt(await library.excess(), ordinary, await library.count(Sought(removed=True)))
    dialog = Clean(over.window(), dirt)
    if await dialogs.answer(dialog) is not dialogs.Answer.YES:
        return
    # Read now: in a moment the dialog is gone.
    for_good, kinds = dialog.for_good, dialog.kinds
    gone = await library.purge(everything=True) if for_good else 0
    gone += await library.trim()
    if gone:
        desk.say(_tr("%n file(s) deleted for good.", gone), "ok")
    wanted = [file_id for kind in kinds for file_id in await _ordinary(library, kind)]
    removed = await library.remove(wanted) if wanted else []
    if not removed:
        return

    async def back() -> None:
        restored = await library.restore(removed)
        desk.say(_tr("%n file(s) brought back.", len(restored)))

    desk.did(_tr("%n file(s) deleted.", len(removed)), back)


async def _ordinary(library: Library, kind: Kind) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        page = await library.page(Sought(kind=kind, favourite=False), after=after)
        found += [kept.id for kept in page.files]
        after = page.after
        if not after:
            return found


class Clean(QDialog):
    """What is above the limits goes; the rest only where it is ticked."""

    def __init__(self, parent: QWidget, dirt: Dirt) -> None:
        super().__init__(parent)
        heading = self.tr("Clean the library?")
        self.setWindowTitle(heading)
        self.setAccessibleName(heading)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self._above = any(one.files for one in dirt.excess.values())
        self.words = quiet("\n".join(self._told(kind, dirt.excess.get(kind, Used())) for kind in Kind))
        pictures, films = dirt.ordinary[Kind.IMAGE], dirt.ordinary[Kind.VIDEO]
        self.boxes = {
            Kind.IMAGE: QCheckBox(self.tr("Delete %n picture(s), all but favourites", "", pictures)),
            Kind.VIDEO: QCheckBox(self.tr("Delete %n film(s), all but favourites", "", films)),
        }
        removed = dirt.removed
        self.removed = QCheckBox(self.tr("Let go of %n deleted file(s) for good", "", removed))
        self.keep = button(self.tr("Keep"))
        self.clean = button(self.tr("Clean"))
        self.keep.setDefault(True)
        self.keep.clicked.connect(self.reject)
        self.clean.clicked.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN - 4)
        layout.setSpacing(GAP)
        layout.addWidget(section(heading))
        layout.addWidget(self.words)
        for kind, box in self.boxes.items():
            box.setVisible(dirt.ordinary[kind] > 0)
            layout.addWidget(box)
        self.removed.setVisible(removed > 0)
        layout.addWidget(self.removed)
        layout.addWidget(
            quiet(
                self.tr(
                    "Favourites stay. Deleted pictures and films can be brought back for some days; "
                    "what goes for good cannot."
                )
            )
        )
        layout.addLayout(buttons_row(self.keep, self.clean))
        for box in (*self.boxes.values(), self.removed):
            box.toggled.connect(self._show)
        self._show()
        self.keep.setFocus()
        fit(self, _WIDTH)

    @property
    def for_good(self) -> bool:
        """Whether deleted files go for good."""
        return self.removed.isChecked()

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of which everything ordinary is to be deleted."""
        return [kind for kind, box in self.boxes.items() if box.isChecked()]

    def _told(self, kind: Kind, used: Used) -> str:
        if not used.files:
            if kind is Kind.IMAGE:
                return self.tr("Pictures are within their limit: none has to go.")
            return self.tr("Films are within their limit: none has to go.")
        if kind is Kind.IMAGE:
            text = self.tr("The %n oldest picture(s) go, which frees %1.", "", used.files)
        else:
            text = self.tr("The %n oldest film(s) go, which frees %1.", "", used.files)
        return text.replace("%1", size(used.size))

    def _show(self, *_: object) -> None:
        self.clean.setEnabled(self._above or self.for_good or bool(self.kinds))


def _tr(text: str, count: int) -> str:
    return QCoreApplication.translate("Clean", text, "", count)
