"""Panes that were taken out of the main window, and the way back."""

from __future__ import annotations

from PySide6.QtCore import QObject

from grokdesk.ui.windows import keyboard
from grokdesk.ui.windows.frame import Main
from grokdesk.ui.windows.pane_window import PaneWindow


class Apart(QObject):
    """The windows of panes, by place. One pane always stays in the main window."""

    def __init__(self, main: Main) -> None:
        super().__init__()
        self._main = main
        self.windows: dict[str, PaneWindow] = {}

    def can_detach(self, key: str) -> bool:
        """Whether another pane would stay."""
        listed = [entry.key for entry in self._main.entries]
        return key in listed and any(one != key and one not in self.windows for one in listed)

    def detach(self, key: str) -> PaneWindow | None:
        """Give a pane a window of its own; None when it is the last one in the main window."""
        main = self._main
        if key in self.windows:
            self.windows[key].bring_up()
            return self.windows[key]
        if not self.can_detach(key):
            main.desk.say(self.tr("One pane stays in the main window."))
            return None
        pane = main.made(key)
        if main.pane is pane:
            main.go(main.before(key))
        main.stack.removeWidget(pane)
        entry = next(one for one in main.entries if one.key == key)
        window = self.windows[key] = PaneWindow(main.desk, entry, pane)
        window.closing.connect(self.dock)
        window.dropped.connect(main.take)
        main.sidebar.buttons[key].show_apart(apart=True)
        main.status.detach.setEnabled(self.can_detach(main.pane.key))
        window.bring_up()
        keyboard.enter(pane)
        return window

    def dock(self, key: str) -> None:
        """Take a pane back into the main window and show it."""
        main, window = self._main, self.windows.pop(key, None)
        if window is None:
            return
        pane = window.release()
        window.leave()
        main.stack.addWidget(pane)
        main.sidebar.buttons[key].show_apart(apart=False)
        main.go(key)
        if main.isVisible():
            main.bring_up()

    def toggle(self, key: str) -> None:
        """Give a pane a window, or take it back."""
        if key in self.windows:
            self.dock(key)
        else:
            self.detach(key)

    def toggle_front(self) -> None:
        """Do so with the pane in front."""
        self.toggle(self._main.in_use().pane.key)
