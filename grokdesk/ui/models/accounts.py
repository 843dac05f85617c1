"""The accounts as rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cached_property
from math import inf

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QIcon

from grokdesk.core.accounts import Account, AccountId, Tier, TierSource
from grokdesk.engine.accounts import AccountPool
from grokdesk.ui import words
from grokdesk.ui.icons import icon
from grokdesk.ui.models.rows import Column, Rows
from grokdesk.ui.theme import Look
from grokdesk.ui.words import Kind, StateWords

_TIER_ORDER = {Tier.UNKNOWN: 0, Tier.BASIC: 1, Tier.SUPER: 2, Tier.HEAVY: 3}
_KIND_ORDER = {Kind.OWNER: 0, Kind.COOLING: 1, Kind.READY: 2, Kind.OFF: 3}

STATE, LEFT, IN_FLIGHT, USED = 2, 3, 4, 5


class AccountRow:
    """An account as it is shown."""

    def __init__(self, account: Account, in_flight: int) -> None:
        self.account = account
        self.in_flight = in_flight

    @property
    def title(self) -> str:
        """Its name, and the end of its token when the name is another."""
        account = self.account
        named = account.label or account.email
        return f"{named} · {account.token}" if named else str(account.token)

    @cached_property
    def haystack(self) -> str:
        """What the search looks through."""
        account = self.account
        return (
            f"{account.label} {account.email} {account.token} {words.tier(account.tier)} {account.reason}"
        ).casefold()

    @property
    def tier(self) -> str:
        """Its tier, and whether that is certain."""
        account = self.account
        name = words.tier(account.tier)
        if account.tier_source is TierSource.GUESSED:
            return f"{name} ({words.tier_source(account.tier_source)})"
        return name

    def left(self) -> str:
        """What is left of the first mode, and how many more modes there are; the tooltip tells of all."""
        modes = [
            f"{words.mode(mode)} {window.remaining}/{window.total}"
            for mode, window in self.account.windows.items()
        ]
        return f"{modes[0]}  +{len(modes) - 1}" if len(modes) > 1 else "".join(modes)

    def left_sum(self) -> int:
        """What is left of all modes together."""
        return sum(window.remaining for window in self.account.windows.values())

    def windows_in_words(self, now: float) -> str:
        """Each mode on a line, with its reset."""
        lines = []
        for mode, window in self.account.windows.items():
            text = f"{words.mode(mode)}: {window.remaining}/{window.total}"
            if window.reset_at is not None and window.reset_at > now:
                text += " · " + words.tr("full again at %1").replace("%1", words.at(window.reset_at))
            lines.append(text)
        return "\n".join(lines)


class Accounts(Rows[AccountRow]):
    """All accounts of the pool."""

    def __init__(
        self, pool: AccountPool, now: Callable[[], float], look: Look, parent: QObject | None = None
    ) -> None:
        self._pool = pool
        self._now = now
        self._look = look
        text = _tr
        super().__init__(
            (
                Column(text("Account"), lambda row: row.title, lambda row: row.title.casefold()),
                Column(
                    text("Tier"),
                    lambda row: row.tier,
                    lambda row: _TIER_ORDER[row.account.tier],
                    tip=lambda row: words.tier_source(row.account.tier_source),
                ),
                Column(
                    text("State"),
                    self._state_text,
                    lambda row: (_KIND_ORDER[self.state(row).kind], self.state(row).text),
                    tip=lambda row: self.state(row).why,
                    icon=self._state_icon,
                ),
                Column(
                    text("Left"),
                    lambda row: row.left(),
                    lambda row: row.left_sum(),
                    tip=lambda row: row.windows_in_words(self._now()),
                ),
                Column(
                    text("Running"),
                    lambda row: str(row.in_flight) if row.in_flight else "–",
                    lambda row: row.in_flight,
                    right=True,
                ),
                Column(
                    text("Last used"),
                    lambda row: words.ago(row.account.last_use_at, self._now()),
                    lambda row: row.account.last_use_at or -inf,
                    tip=lambda row: words.exact(row.account.last_use_at) if row.account.last_use_at else "",
                    right=True,
                ),
            ),
            key=lambda row: row.account.id,
            parent=parent,
        )

    def load(self) -> None:
        """Read the whole pool."""
        self.fill(AccountRow(one, self._pool.in_flight(one.id)) for one in self._pool.accounts())

    def changed(self, ids: frozenset[AccountId]) -> None:
        """Read these accounts again."""
        rows: dict[Hashable, AccountRow | None] = {}
        for one in ids:
            account = self._pool.get(one)
            rows[one] = None if account is None else AccountRow(account, self._pool.in_flight(one))
        if len(rows) > 1:
            # A set has no order; new accounts are shown as the pool has them: as they came.
            order = {one.id: place for place, one in enumerate(self._pool.accounts())}
            rows = dict(sorted(rows.items(), key=lambda item: order.get(AccountId(str(item[0])), 0)))
        self.apply(rows)

    def state(self, row: AccountRow) -> StateWords:
        """The state of a row at this moment."""
        return words.account_state(row.account, self._now())

    def _state_text(self, row: AccountRow) -> str:
        return self.state(row).text

    def _state_icon(self, row: AccountRow) -> QIcon:
        name, token = words.ICON_OF[self.state(row).kind]
        return icon(name, getattr(self._look.tokens, token))


def _tr(text: str) -> str:
    return QCoreApplication.translate("Accounts", text)
