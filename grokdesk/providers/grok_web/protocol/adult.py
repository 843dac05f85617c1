"""Terms, birth date and the switch for adult content (protocol/grok-web-chat.md §18)."""

from __future__ import annotations

from datetime import date
from typing import Final

import orjson

from grokdesk.providers.grok_web.protocol import grpc_web

ACCOUNT_TERMS_PATH: Final = "/auth_mgmt.AuthManagement/SetTosAcceptedVersion"
PRODUCT_TERMS_PATH: Final = "/rest/auth/set-tos-accepted"
BIRTH_DATE_PATH: Final = "/rest/auth/set-birth-date"
FEATURES_PATH: Final = "/auth_mgmt.AuthManagement/UpdateUserFeatureControls"

# Field 2 is 1.
ACCOUNT_TERMS: Final = grpc_web.framed(b"\x10\x01")
_TERMS_VERSION: Final = 5
PRODUCT_TERMS: Final = orjson.dumps({"tosVersion": _TERMS_VERSION})

_FEATURE: Final = b"always_show_nsfw_content"


def birth_date(born: date) -> bytes:
    """The body that tells `born`: at noon, so that it is that day in every time zone."""
    return orjson.dumps({"birthDate": f"{born.isoformat()}T12:00:00.000Z"})


def switch(*, on: bool) -> bytes:
    """The body that turns the showing of adult content on or off."""
    state = bytes((0x10, on))
    name = b"\x0a" + bytes((len(_FEATURE),)) + _FEATURE
    return grpc_web.framed(b"\x0a" + bytes((len(state),)) + state + b"\x12" + bytes((len(name),)) + name)
