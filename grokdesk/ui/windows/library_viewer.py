"""A window to look at one file at a time: arrows, zoom, what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QImage,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShortcut,
    QWheelEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from grokdesk.core.errors import GrokDeskError, NotFound
from grokdesk.core.media import Kept, Kind
from grokdesk.engine.library import Library
from grokdesk.platform.tasks import offload
from grokdesk.ui import report, words
from grokdesk.ui.icons import dress
from grokdesk.ui.models.library import kind_word, shape, size
from grokdesk.ui.theme import GAP, Look
from grokdesk.ui.widgets.parts import Prose, breakable, button, line, quiet, section
from grokdesk.ui.windows.library_acts import LibraryActs, whole_picture
from grokdesk.ui.work import Work

_SIZE: Final = (1000, 720)
_INFO: Final = 300
_STEP: Final = 1.25
_CLOSEST: Final = 8.0
_FARTHEST: Final = 0.05
_ANGLE: Final = 120.0


class Canvas(QWidget):
    """A picture that fits, or is zoomed and moved."""

    zoomed = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._image = QImage()
        self._factor: float | None = None
        self._middle = QPointF()
        self._held: QPointF | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(200, 160)

    @property
    def factor(self) -> float:
        """How many pixels of the window a pixel of the picture takes."""
        return self._fitting() if self._factor is None else self._factor

    @property
    def fits(self) -> bool:
        """Whether it is fitted to the window."""
        return self._factor is None

    def show_image(self, image: QImage) -> None:
        """Show another picture, fitted."""
        self._image = image
        self.fit()

    def fit(self) -> None:
        """Show all of it."""
        self._factor = None
        self._middle = QPointF(self._image.width() / 2, self._image.height() / 2)
        self._changed()

    def zoom(self, factor: float, about: QPointF | None = None) -> None:
        """Show it at `factor`; the point `about` of the window stays where it is."""
        if self._image.isNull():
            return
        factor = min(max(factor, _FARTHEST), _CLOSEST)
        if about is not None:
            away = about - QPointF(self.width() / 2, self.height() / 2)
            self._middle += away / self.factor - away / factor
        self._factor = factor
        self._changed()

    def _fitting(self) -> float:
        if self._image.isNull() or not self.width() or not self.height():
            return 1.0
        fitting = min(self.width() / self._image.width(), self.height() / self._image.height())
        return min(1.0, fitting)

    def _changed(self) -> None:
        half = QSizeF(self.width(), self.height()) / self.factor / 2
        wide, tall = self._image.width(), self._image.height()
        # No emptiness is shown on one side while something is hidden on the other.
        x = (
            wide / 2
            if half.width() * 2 >= wide
            else min(max(self._middle.x(), half.width()), wide - half.width())
        )
        y = (
            tall / 2
            if half.height() * 2 >= tall
            else min(max(self._middle.y(), half.height()), tall - half.height())
        )
        self._middle = QPointF(x, y)
        self.update()
        self.zoomed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._changed()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom(self.factor * _STEP ** (event.angleDelta().y() / _ANGLE), event.position())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._held = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held is not None:
            self._middle -= (event.position() - self._held) / self.factor
            self._held = event.position()
            self._changed()

    def mouseReleaseEvent(self, _: QMouseEvent) -> None:
        self._held = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.fits:
            self.zoom(1.0, event.position())
        else:
            self.fit()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._look.color("sunken"))
        if not self._image.isNull():
            factor = self.factor
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, factor < 2)  # noqa: PLR2004 - closer, pixels are to be seen
            corner = QPointF(self.width() / 2, self.height() / 2) - self._middle * factor
            drawn = QSizeF(self._image.width() * factor, self._image.height() * factor)
            painter.drawImage(QRectF(corner, drawn), self._image)
        if self.hasFocus():
            painter.setPen(self._look.color("accent"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()


class Viewer(QWidget):
    """The window. `beside` gives the file before (-1) or after (1) one, or None at the end."""

    gone = Signal()

    def __init__(
        self,
        library: Library,
        acts: LibraryActs,
        look: Look,
        work: Work,
        beside: Callable[[str, int], Kept | None],
    ) -> None:
        super().__init__()
        self._library = library
        self._acts = acts
        self._look = look
        self._work = work
        self._beside = beside
        self.kept: Kept | None = None
        self.resize(*_SIZE)
        self.setMinimumSize(480, 360)
        self._build()
        self._connect()

    def look_at(self, kept: Kept) -> None:
        """Show a file."""
        another = self.kept is None or self.kept.digest != kept.digest or self.kept.id != kept.id
        self.kept = kept
        title = " ".join(kept.origin.prompt.split())[:80] or kind_word(kept)
        self.setWindowTitle(title)
        self.canvas.setAccessibleName(self.tr("%1: %2").replace("%1", kind_word(kept)).replace("%2", title))
        self._show_info(kept)
        film = kept.kind is Kind.VIDEO
        self.play.setVisible(film)
        for one in (self.zoom_in, self.zoom_out, self.fit):
            one.setEnabled(not film)
        self._show_ends()
        if another:
            self._work.start(self._load(kept), exclusive="look at a file")

    def changed(self, kept: Kept) -> None:
        """The file that is shown is different now."""
        if self.kept is not None and self.kept.id == kept.id:
            self.look_at(kept)

    def step(self, step: int) -> None:
        """Go to the file before or after."""
        other = self._beside(self.kept.id, step) if self.kept is not None else None
        if other is not None:
            self.look_at(other)

    def remove(self) -> None:
        """Delete what is shown and go on to the next."""
        if self.kept is None:
            return
        kept = self.kept
        other = self._beside(kept.id, 1) or self._beside(kept.id, -1)
        self._acts.remove([kept])
        if other is not None:
            self.look_at(other)
        else:
            self.close()

    def info_text(self) -> str:
        """All that the panel says."""
        return f"{self._prompt.text()}\n{self._facts.text()}".replace("\u200b", "")

    async def _load(self, kept: Kept) -> None:
        self.message.hide()
        try:
            image = await self._picture(kept)
        except GrokDeskError as error:
            image = QImage()
            self._say(report.explain(error).text)
        else:
            if image.isNull() and kept.kind is Kind.IMAGE:
                self._say(self.tr("This picture cannot be shown. Save it to open it elsewhere."))
            elif image.isNull():
                self._say(self.tr("There is no still picture of this film."))
        self.canvas.show_image(image)

    async def _picture(self, kept: Kept) -> QImage:
        if kept.kind is Kind.VIDEO:
            small = await self._library.thumbnail(kept)
            return QImage.fromData(small) if small else QImage()
        with self._library.reading(kept) as path:
            if not await offload(path.exists):
                raise NotFound(self.tr("This file has been deleted."))
            return await offload(whole_picture, path)

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.show()

    def _show_info(self, kept: Kept) -> None:
        origin = kept.origin
        self._prompt.setText(origin.prompt or self.tr("Nothing is known of how it was made."))
        rows = (
            (self.tr("Model"), origin.model),
            (self.tr("Account"), breakable(origin.account_name)),
            (self.tr("App"), origin.client),
            (self.tr("Made"), words.exact(kept.created_at)),
            (self.tr("Pixels"), shape(kept)),
            (self.tr("Size"), size(kept.size)),
            (self.tr("Tags"), ", ".join(kept.tags)),
        )
        fact = self.tr("%1: %2")
        self._facts.setText(
            "\n".join(fact.replace("%1", name).replace("%2", value) for name, value in rows if value)
        )
        dress(self.favourite, "star-full" if kept.favourite else "star", self._look)
        name = self.tr("No favourite any more") if kept.favourite else self.tr("Mark as favourite")
        self.favourite.setAccessibleName(name)
        self.favourite.setToolTip(name + " (F)")

    def _show_ends(self) -> None:
        for one, step in ((self.previous, -1), (self.next, 1)):
            one.setEnabled(self.kept is not None and self._beside(self.kept.id, step) is not None)

    def _show_zoom(self) -> None:
        film = self.kept is not None and self.kept.kind is Kind.VIDEO
        percent = round(self.canvas.factor * 100)
        self.zoom_label.setText("" if film else self.tr("%1 %").replace("%1", str(percent)))

    # -- building

    def _tool(self, icon: str, name: str, key: str) -> QPushButton:
        made = button("", look=self._look, icon=icon, name=name)
        made.setToolTip(f"{name} ({key})")
        return made

    def _build(self) -> None:
        self.previous = self._tool("previous", self.tr("Previous"), "←")
        self.next = self._tool("next", self.tr("Next"), "→")
        self.zoom_out = self._tool("zoom-out", self.tr("Zoom out"), "−")
        self.zoom_label = QLabel()
        self.zoom_label.setMinimumWidth(self.fontMetrics().horizontalAdvance("0000 %"))
        self.zoom_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.zoom_in = self._tool("zoom-in", self.tr("Zoom in"), "+")
        self.fit = self._tool("fit", self.tr("Fit to the window"), "0")
        self.favourite = self._tool("star", self.tr("Mark as favourite"), "F")
        self.save = self._tool("save", self.tr("Save as…"), "S")
        self.copy = self._tool("copy", self.tr("Copy"), "Ctrl+C")
        self.folder = self._tool("folder", self.tr("Show in folder"), "O")
        self.delete = self._tool("remove", self.tr("Delete"), "Del")
        self.info = self._tool("info", self.tr("What is known of it"), "I")
        self.info.setCheckable(True)
        self.info.setChecked(True)
        bar = QHBoxLayout()
        bar.setContentsMargins(GAP, 8, GAP, 8)
        bar.setSpacing(4)
        for one in (self.previous, self.next):
            bar.addWidget(one)
        bar.addStretch(1)
        for part in (self.zoom_out, self.zoom_label, self.zoom_in, self.fit):
            bar.addWidget(part)
        bar.addStretch(1)
        for one in (self.favourite, self.save, self.copy, self.folder, self.delete, self.info):
            bar.addWidget(one)
        self.canvas = Canvas(self._look)
        self.message = Prose()
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.message.hide()
        self.play = button(self.tr("Play in your player"), kind="primary", look=self._look, icon="play")
        below = QVBoxLayout()
        below.setContentsMargins(GAP, 0, GAP, GAP)
        below.setSpacing(GAP)
        below.addWidget(self.message)
        below.addWidget(self.play, 0, Qt.AlignmentFlag.AlignHCenter)
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(GAP)
        left.addWidget(self.canvas, 1)
        left.addLayout(below)
        self.panel = self._build_panel()
        body = QHBoxLayout()
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addLayout(left, 1)
        body.addWidget(self.panel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(line())
        column.addLayout(body, 1)

    def _build_panel(self) -> QScrollArea:
        self._prompt = Prose()
        self._prompt.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._facts = quiet()
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(GAP)
        column.addWidget(section(self.tr("Prompt")))
        column.addWidget(self._prompt)
        column.addWidget(self._facts)
        column.addStretch(1)
        panel = QScrollArea()
        panel.setWidget(inside)
        panel.setWidgetResizable(True)
        panel.setFixedWidth(_INFO)
        panel.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        panel.setAccessibleName(self.tr("What is known of it"))
        panel.setProperty("kind", "reading")
        return panel

    def _connect(self) -> None:
        self.previous.clicked.connect(lambda: self.step(-1))
        self.next.clicked.connect(lambda: self.step(1))
        self.zoom_in.clicked.connect(lambda: self.canvas.zoom(self.canvas.factor * _STEP))
        self.zoom_out.clicked.connect(lambda: self.canvas.zoom(self.canvas.factor / _STEP))
        self.fit.clicked.connect(self.canvas.fit)
        self.canvas.zoomed.connect(self._show_zoom)
        self.info.toggled.connect(self.panel.setVisible)
        for one, act in (
            (self.favourite, self._acts.favourite),
            (self.save, self._acts.save_as),
            (self.copy, self._acts.copy),
        ):
            one.clicked.connect(lambda _=False, act=act: act([self.kept]) if self.kept else None)
        self.folder.clicked.connect(lambda: self._acts.show_in_folder(self.kept) if self.kept else None)
        self.play.clicked.connect(lambda: self._acts.play(self.kept) if self.kept else None)
        self.delete.clicked.connect(self.remove)
        for key, does in (
            ("Ctrl+C", self.copy.click),
            ("Ctrl+W", self.close),
            ("F", self.favourite.click),
            ("S", self.save.click),
            ("O", self.folder.click),
            ("I", self.info.click),
            ("Del", self.remove),
        ):
            QShortcut(QKeySequence(key), self).activated.connect(does)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Left | Qt.Key.Key_PageUp:
                self.step(-1)
            case Qt.Key.Key_Right | Qt.Key.Key_PageDown:
                self.step(1)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom_in.click()
            case Qt.Key.Key_Minus:
                self.zoom_out.click()
            case Qt.Key.Key_0:
                self.fit.click()
            case Qt.Key.Key_1:
                self.canvas.zoom(1.0)
            case Qt.Key.Key_Escape | Qt.Key.Key_Space:
                self.close()
            case _:
                super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            self.canvas.update()

    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.gone.emit()
