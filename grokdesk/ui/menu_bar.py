"""The menu bar that macOS expects, made of the same actions as everything else."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenuBar

from grokdesk.ui.actions import Actions, Group, group_title

_ROLES = {"quit": QAction.MenuRole.QuitRole, "settings": QAction.MenuRole.PreferencesRole}


def menu_bar(actions: Actions) -> QMenuBar:
    """One menu for each group; it follows texts and acts that are added."""
    bar = QMenuBar()

    def fill() -> None:
        bar.clear()
        for group in Group:
            of_group = [act for act in actions.all() if act.group is group]
            if not of_group:
                continue
            menu = bar.addMenu(group_title(group))
            for act in of_group:
                made = actions.action(act.key)
                made.setMenuRole(_ROLES.get(act.key, QAction.MenuRole.NoRole))
                menu.addAction(made)

    fill()
    actions.changed.connect(fill)
    return bar
