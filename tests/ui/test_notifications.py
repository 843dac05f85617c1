"""Notifications: only when something needs the owner, and only when they may be disturbed."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from PySide6.QtCore import QDateTime
from PySide6.QtWidgets import QApplication

from grokdesk.core.accounts import AccountId, Mode, Status
from grokdesk.core.media import ImageRequest
from grokdesk.core.media import Kind as MediaKind
from grokdesk.core.media_jobs import JobState, MediaJob
from grokdesk.core.notices import GatewayPhase, GatewayState, MediaJobChanged
from grokdesk.core.settings import NotificationSettings
from grokdesk.core.updates import Release
from grokdesk.ui.notifications import (
    EVERY_S,
    Kind,
    Moment,
    Notifier,
    pause_end,
    pause_words,
    quiet_hours,
    when,
)
from grokdesk.ui.tray_view import Pause
from tests.ui.faces import Face, Open, settle
from tests.ui.stand_in import NOON, account

CALM = Moment(now=1_000_000.0, minute=12 * 60)
NOW = CALM.now


@pytest.mark.parametrize(
    ("kind", "moment", "told", "at"),
    [
        (Kind.GATEWAY, CALM, {}, NOW),
        (Kind.JOBS, CALM, {}, NOW),
        # Switched off.
        (Kind.GATEWAY, replace(CALM, off=frozenset({Kind.GATEWAY})), {}, inf),
        (Kind.ACCOUNTS, replace(CALM, off=frozenset({Kind.GATEWAY})), {}, NOW),
        # Seen in the window.
        (Kind.GATEWAY, replace(CALM, in_use=True, in_sight=True), {}, inf),
        (Kind.GATEWAY, replace(CALM, in_sight=True), {}, NOW),
        (Kind.JOBS, replace(CALM, in_sight=True), {}, inf),
        # Once in five minutes, of each kind.
        (Kind.GATEWAY, CALM, {Kind.GATEWAY: NOW - 100}, NOW + 200),
        (Kind.GATEWAY, CALM, {Kind.GATEWAY: NOW - 300}, NOW),
        (Kind.GATEWAY, CALM, {Kind.ACCOUNTS: NOW - 100}, NOW),
        (Kind.JOBS, CALM, {Kind.JOBS: NOW - 100}, inf),
        (Kind.GATEWAY, CALM, {Kind.GATEWAY: NOW + 9_000}, NOW),
        # Paused.
        (Kind.COOLING, replace(CALM, paused_until=NOW + 60), {}, NOW + 60),
        (Kind.COOLING, replace(CALM, paused_until=NOW - 60), {}, NOW),
        (Kind.JOBS, replace(CALM, paused_until=NOW + 60), {}, inf),
        # Quiet hours, within a day and past midnight.
        (Kind.UPDATES, replace(CALM, quiet=(11 * 60, 13 * 60)), {}, NOW + 3_600),
        (Kind.UPDATES, replace(CALM, quiet=(12 * 60, 13 * 60)), {}, NOW + 3_600),
        (Kind.UPDATES, replace(CALM, quiet=(11 * 60, 12 * 60)), {}, NOW),
        (Kind.UPDATES, replace(CALM, quiet=(22 * 60, 7 * 60)), {}, NOW),
        (Kind.UPDATES, replace(CALM, minute=23 * 60, quiet=(22 * 60, 7 * 60)), {}, NOW + 8 * 3_600),
        (Kind.UPDATES, replace(CALM, minute=6 * 60, quiet=(22 * 60, 7 * 60)), {}, NOW + 3_600),
        (Kind.JOBS, replace(CALM, quiet=(11 * 60, 13 * 60)), {}, inf),
        # The latest of all counts.
        (
            Kind.GATEWAY,
            replace(CALM, quiet=(11 * 60, 13 * 60), paused_until=NOW + 9_000),
            {Kind.GATEWAY: NOW - 100},
            NOW + 9_000,
        ),
    ],
)
def test_the_table_of_when_to_tell(kind: Kind, moment: Moment, told: dict[Kind, float], at: float) -> None:
    """
    Now, later, or never.
    """
    assert when(kind, moment, told) == at


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("22:30", "07:00", (22 * 60 + 30, 7 * 60)),
        ("", "07:00", None),
        ("22:30", "", None),
        ("08:00", "08:00", None),
    ],
)
def test_quiet_hours_need_both_ends(start: str, end: str, hours: tuple[int, int] | None) -> None:
    """
    One time alone, or twice the same, is none.
    """
    assert quiet_hours(NotificationSettings(quiet_from=start, quiet_to=end)) == hours


@pytest.mark.parametrize("hour", [0, 2, 7, 12, 23])
def test_tomorrow_begins_at_eight_of_the_next_day(hour: int) -> None:
    """
    Also for whoever is awake after midnight; the words name the day.
    """
    now = QDateTime(2026, 8, 12, hour, 30, 0).toSecsSinceEpoch()

    end = pause_end(Pause.TOMORROW, now)

    assert QDateTime.fromSecsSinceEpoch(end).toString("yyyy-MM-dd HH:mm") == "2026-08-13 08:00"
    assert pause_words(end, now).startswith("Thu")
    assert pause_words(pause_end(Pause.NONE, now), now) == ""
    assert pause_end(Pause.HOUR, now) == now + 3_600


class Desktop:
    """What the desktop was told, and whether it shows anything."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.sight = (False, False)
        self.places: list[str] = []


@pytest.fixture
async def desktop() -> Desktop:
    return Desktop()


@pytest.fixture
async def face(open_face: Open, desktop: Desktop) -> Face:
    """A face whose notifications a test reads; its window is out of sight."""
    face = await open_face([account(1), account(2)])
    face.window.hide()
    face.shell.notifier.close()

    def tell(text: str) -> bool:
        desktop.told.append(text)
        return True

    face.shell.notifier = Notifier(face.shell.desk, tell, lambda: desktop.sight)
    face.shell.notifier.place_wanted.connect(desktop.places.append)
    return face


def fail(face: Face, error: str = "Port 4765 is used by ollama.") -> None:
    face.host.gateway.set(GatewayState(GatewayPhase.FAILED, error=error))


async def test_a_gateway_that_fails_is_told_and_a_click_leads_there(face: Face, desktop: Desktop) -> None:
    """
    Once, however often its state is told again.
    """
    fail(face)
    await settle()
    fail(face)
    await settle()
    face.shell.notifier.clicked()

    assert desktop.told == ["Apps cannot connect: Port 4765 is used by ollama."]
    assert desktop.places == ["home"]


async def test_whoever_looks_at_the_window_is_not_disturbed(face: Face, desktop: Desktop) -> None:
    """
    The window says it by itself.
    """
    desktop.sight = (True, True)

    fail(face)
    await settle()

    assert desktop.told == []


async def test_accounts_that_come_to_need_their_owner_are_told(face: Face, desktop: Desktop) -> None:
    """
    The second within five minutes waits, and is told with the number that is true then.
    """
    pool, clock = face.host.pool, face.host.clock

    for number in (1, 2):
        pool.edit(
            [AccountId(f"acc{number:05}")], lambda one: one.with_status(Status.EXPIRED, "It has ended.", NOON)
        )
        await settle()
        face.shell.notifier.look_again()
    first = list(desktop.told)
    clock.time += EVERY_S + 1
    face.shell.notifier.look_again()
    face.shell.notifier.clicked()

    assert first == ["1 account needs you: it is signed out or blocked."]
    assert desktop.told[1:] == ["2 accounts need you: they are signed out or blocked."]
    assert desktop.places == ["accounts:owner"]


async def test_what_was_solved_meanwhile_is_not_told(face: Face, desktop: Desktop) -> None:
    """
    After a pause only what is still true is told.
    """
    notifier = face.shell.notifier
    notifier.pause(Pause.HALF_HOUR)
    fail(face)
    face.host.pool.edit(
        [AccountId("acc00001")], lambda one: one.with_status(Status.BLOCKED, "Suspended.", NOON)
    )
    await settle()
    silent = list(desktop.told)
    await face.host.gateway.start()
    await settle()

    face.host.clock.time += 1_801
    notifier.look_again()

    assert silent == []
    assert desktop.told == ["1 account needs you: it is signed out or blocked."]
    assert notifier.paused_until == 0


async def test_all_accounts_resting_is_told_with_the_time(face: Face, desktop: Desktop) -> None:
    """
    The time is that of the first one that is back.
    """

    def spent(number: int) -> None:
        def change(one: object) -> object:
            assert isinstance(one, type(account(1)))
            left = {
                mode: replace(window, remaining=0, reset_at=NOON + 600 * number)
                for mode, window in one.windows.items()
            }
            return replace(one, windows=left)

        face.host.pool.edit([AccountId(f"acc{number:05}")], change)  # type: ignore[arg-type] # an account

    spent(1)
    await settle()
    before = list(desktop.told)
    spent(2)
    await settle()
    face.shell.notifier.look_again()

    [told] = desktop.told
    back = QDateTime.fromSecsSinceEpoch(int(NOON) + 600).time()
    assert before == []
    assert told.startswith("All accounts are resting. The first is back at ")
    assert str(back.minute()).zfill(2) in told
    assert Mode.FAST in account(1).windows


def film(job_id: str, took_s: float, state: JobState = JobState.DONE) -> MediaJob:
    return MediaJob(
        id=job_id,
        kind=MediaKind.IMAGE,
        request=ImageRequest(prompt="An apple", model="grok-imagine-image"),
        created_at=NOON - took_s,
        ended_at=NOON,
        state=state,
        failure="Grok withheld it." if state is JobState.FAILED else "",
    )


async def test_long_work_is_told_only_while_the_window_is_hidden(face: Face, desktop: Desktop) -> None:
    """
    Short work is not worth it, and what was told before is not told again.
    """
    bus = face.host.bus
    bus.publish(MediaJobChanged(film("short", 5)))
    await settle()
    desktop.sight = (False, True)
    bus.publish(MediaJobChanged(film("seen", 60)))
    await settle()
    desktop.sight = (False, False)
    bus.publish(MediaJobChanged(film("seen", 60)))
    bus.publish(MediaJobChanged(film("running", 60, JobState.RUNNING)))
    await settle()
    before = list(desktop.told)
    bus.publish(MediaJobChanged(film("long", 60)))
    await settle()
    face.host.clock.time += EVERY_S
    bus.publish(MediaJobChanged(film("refused", 60, JobState.FAILED)))
    await settle()

    assert before == []
    assert desktop.told == [
        "A picture or film is finished.",
        "A picture or film was not made: Grok withheld it.",
    ]


async def test_a_new_version_is_told_once(face: Face, desktop: Desktop) -> None:
    """
    And switched off in the settings, not at all.
    """
    host = face.host
    await host.change({"updates.check": True, "updates.address": "http://127.0.0.1:9/notice.json"})
    host.releases.release = Release("2.0")
    for _ in range(2):
        await host.updates.look()
        await settle()
    host.clock.time += EVERY_S
    await host.change({"notifications.updates": False})
    host.releases.release = Release("3.0")
    await host.updates.look()
    await settle()
    face.shell.notifier.clicked()

    assert desktop.told == ["GrokDesk 2.0 is there."]
    assert desktop.places == ["update"]


async def test_a_pause_outlives_the_program(face: Face, desktop: Desktop, tmp_path: Path) -> None:
    """
    Its end is remembered with the window.
    """
    face.shell.notifier.pause(Pause.TOMORROW)

    again = Notifier(face.shell.desk, lambda _: True, lambda: (False, False))

    assert again.paused_until == face.shell.notifier.paused_until > NOON
    again.close()


async def test_nothing_else_is_told(face: Face, desktop: Desktop, qapp: QApplication) -> None:
    """
    Toasts, requests, settings and switched-off accounts stay in the window.
    """
    face.shell.desk.say("Address copied.", "ok")
    await face.host.change({"appearance.theme": "dark"})
    face.host.pool.enable([AccountId("acc00001")], on=False)
    await face.host.gateway.stop()
    await settle()

    assert desktop.told == []
