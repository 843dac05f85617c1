"""Who an account is (protocol/grok-web-chat.md §17.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from grokdesk.core.errors import Garbled
from grokdesk.providers.grok_web.protocol import loose
from grokdesk.providers.grok_web.protocol.failures import blocked, signed_out

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Identity:
    """The owner of a token. Either may be empty; only a `user_id` that `is_uuid` opens the gateway."""

    user_id: str = ""
    email: str = ""


def read(body: bytes) -> Identity:
    """Read the answer of `GET /api/auth/session`.

    Raises `AccountRejected` when the session is not signed in or blocked, `Garbled` when it tells nobody.
    """
    answer = loose.parsed(body) or {}
    match loose.text(answer, "status").strip().lower():
        case "unauthenticated":
            raise signed_out("session: unauthenticated")
        case "blocked":
            raise blocked("session: blocked")
        case _:
            pass
    session, user = loose.member(answer, "session"), loose.member(answer, "user")
    user_id = loose.text(session, "userId") or loose.text(user, "id", "userId", "sub")
    identity = Identity(
        user_id=user_id or loose.text(answer, "id", "userId", "sub"),
        email=loose.text(session, "email") or loose.text(user, "email") or loose.text(answer, "email"),
    )
    if identity == Identity():
        raise Garbled(
            "Grok did not say whose account this is.",
            hint="Check the account at grok.com, or try again later.",
            detail=f"session: {len(body)} bytes without user id and e-mail address",
        )
    return identity


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID."""
    return _UUID.fullmatch(text) is not None
