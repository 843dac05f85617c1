"""Looks for a new version, once a day at most and only where and when the owner says (decision 9)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from grokdesk.core.errors import GrokDeskError, UpstreamError
from grokdesk.core.notices import Bus, UpdatesChanged
from grokdesk.core.ports import Clock, ReleaseSource
from grokdesk.core.settings import Live, Settings
from grokdesk.core.updates import EVERY_S, UpdatePhase, UpdateState, is_newer, read_release
from grokdesk.platform.paths import write_private
from grokdesk.platform.tasks import offload

log = logging.getLogger(__name__)

# A start has better things to do.
_CALM_S: Final = 60.0
_LONGEST_WAIT_S: Final = 3_600.0


class Updates:
    """What is known of new versions. Failures are in the log and in `state`, and nowhere else.

    `version` is the one that runs; `file` remembers the last look; `proxy_for` says through which proxy an
    address is asked, empty for none.
    """

    def __init__(
        self,
        source: ReleaseSource,
        live: Live,
        bus: Bus,
        clock: Clock,
        *,
        version: str,
        file: Path,
        proxy_for: Callable[[str], Awaitable[str]],
    ) -> None:
        self._source = source
        self._live = live
        self._bus = bus
        self._clock = clock
        self._version = version
        self._file = file
        self._proxy_for = proxy_for
        self._looking = asyncio.Lock()
        self._woken: asyncio.Future[None] | None = None
        self._not_before = clock.monotonic() + _CALM_S
        self._known = UpdateState(UpdatePhase.NOT_YET)
        self._asked = ""
        """The address that `_known` comes from."""
        live.subscribe(self._settings_changed)

    @property
    def state(self) -> UpdateState:
        """What is known now; nothing while it is switched off."""
        return self._known if self._address and self._address == self._asked else self._unknown

    async def look(self) -> UpdateState:
        """Look now. Does nothing while it is switched off."""
        async with self._looking:
            address = self._address
            if not address:
                return self.state
            before = self.state
            self._become(address, replace(before, phase=UpdatePhase.LOOKING))
            try:
                found = await self._found(address)
            except BaseException:
                # Whoever wanted to know has left.
                self._become(address, before)
                raise
            self._become(address, found)
            await offload(self._save)
            return self.state

    async def run(self) -> None:
        """Look when it is time, until cancelled."""
        await offload(self._load)
        while True:
            wait_s = self._wait_s()
            if wait_s is not None and wait_s <= 0:
                await self.look()
                continue
            self._woken = asyncio.get_running_loop().create_future()
            # Not `wait_for`: up to Python 3.11 it loses a cancellation that comes together with the result.
            await asyncio.wait(
                [self._woken], timeout=None if wait_s is None else min(wait_s, _LONGEST_WAIT_S)
            )

    def wake(self) -> None:
        """Have `run` see anew whether it is time, as after the computer has slept."""
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    # -- inside

    @property
    def _address(self) -> str:
        settings = self._live.now.updates
        return settings.address if settings.check else ""

    @property
    def _unknown(self) -> UpdateState:
        return UpdateState(UpdatePhase.NOT_YET if self._address else UpdatePhase.OFF)

    async def _found(self, address: str) -> UpdateState:
        now = self._clock.now()
        try:
            release = await self._source.latest(address, await self._proxy_for(address))
        except UpstreamError as error:
            log.info("no notice of new versions error=%s detail=%s", error.message, error.detail)
            # What was found before is still true.
            return replace(self.state, phase=UpdatePhase.FAILED, at=now, failure=error.message)
        if is_newer(release.version, self._version):
            log.info("a newer version is there version=%s", release.version)
            return UpdateState(UpdatePhase.NEWER, release, now)
        return UpdateState(UpdatePhase.CURRENT, None, now)

    def _wait_s(self) -> float | None:
        """Seconds until it is time; None when it never will be as things are."""
        if not self._address:
            return None
        calm_s = self._not_before - self._clock.monotonic()
        at, now = self.state.at, self._clock.now()
        # A clock that was set back must not end the looking.
        if at is None or at > now:
            return calm_s
        return max(calm_s, at + EVERY_S - now)

    def _settings_changed(self, old: Settings, new: Settings) -> None:
        if old.updates != new.updates:
            self._not_before = self._clock.monotonic()
            self.wake()
            self._bus.publish(UpdatesChanged())

    def _become(self, address: str, state: UpdateState) -> None:
        self._asked, self._known = address, state
        self._bus.publish(UpdatesChanged())

    # -- between two starts

    def _save(self) -> None:
        release = self._known.release
        kept = {
            "address": self._asked,
            "at": self._known.at,
            "release": release and {"version": release.version, "url": release.url, "notes": release.notes},
        }
        try:
            write_private(self._file, json.dumps(kept).encode())
        except OSError as error:
            log.warning("the last look for updates was not saved error=%s", error)

    def _load(self) -> None:
        try:
            kept = json.loads(self._file.read_bytes())
            address, at = str(kept["address"]), float(kept["at"])
            release = read_release(json.dumps(kept["release"]).encode()) if kept["release"] else None
        except (OSError, ValueError, KeyError, TypeError, GrokDeskError):
            return
        if self._asked or address != self._address:
            return
        # The program may be that version by now.
        if release is not None and is_newer(release.version, self._version):
            self._become(address, UpdateState(UpdatePhase.NEWER, release, at))
        else:
            self._become(address, UpdateState(UpdatePhase.CURRENT, None, at))
