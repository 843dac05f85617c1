"""Which form of a request for pictures or films comes first, and which is left out for a while."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from grokdesk.core.errors import FormGone
from grokdesk.core.media import Kind
from grokdesk.core.settings import MediaForm

log = logging.getLogger(__name__)

_REMEMBER_S: Final = 3_600.0
# What is best known to work: edits are made in the current form by the newer of two programs, films by both
# in the older one (grok-web-media.md §15).
_FIRST: Final = {Kind.IMAGE: MediaForm.CURRENT, Kind.VIDEO: MediaForm.OLDER}


class MediaForms:
    """The forms to try, remembering for an hour that one is gone."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._gone_until: dict[tuple[Kind, MediaForm], float] = {}

    def order(self, kind: Kind, wanted: MediaForm) -> tuple[MediaForm, ...]:
        """The forms to try, in order; `wanted` is what the owner says."""
        if wanted is not MediaForm.AUTO:
            return (wanted,)
        first = _FIRST[kind]
        other = MediaForm.OLDER if first is MediaForm.CURRENT else MediaForm.CURRENT
        now = self._now()
        if now < self._gone_until.get((kind, first), 0.0):
            return (other,)
        return (first, other)

    def gone(self, kind: Kind, form: MediaForm, why: FormGone) -> None:
        """Upstream does not know this form."""
        log.warning("form is gone kind=%s form=%s detail=%s", kind.value, form.value, why.detail)
        self._gone_until[kind, form] = self._now() + _REMEMBER_S
