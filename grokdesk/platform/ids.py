"""New names for new things."""

from __future__ import annotations

import secrets
import uuid
from typing import Final

from grokdesk.core.secret import Secret

KEY_PREFIX: Final = "gd-"
_KEY_BYTES: Final = 32


def new_id() -> str:
    """Return 32 hex digits that nothing else has."""
    return uuid.uuid4().hex


def client_key() -> Secret:
    """Return a new client key: `gd-` and 43 characters that are safe in a URL (decision 5)."""
    return Secret(KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES))
