"""Under which addresses other devices of the network reach this computer."""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from ipaddress import ip_address
from typing import Final

# An address for documentation (RFC 5737). Connecting a datagram socket sends nothing; it makes the system
# choose the address that it would send from.
_ANYWHERE: Final = ("192.0.2.1", 9)


def lan_addresses() -> list[str]:
    """Return the IPv4 addresses of this computer, the one it uses itself first; on Windows all of them."""
    found: list[str] = []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_ANYWHERE)
        found.append(str(probe.getsockname()[0]))
    if sys.platform == "win32":
        # There the system knows its own name; others ask the network for it, which may not answer for long.
        with suppress(OSError, UnicodeError):
            found += socket.gethostbyname_ex(socket.gethostname())[2]
    return [one for one in dict.fromkeys(found) if _can_be_reached(one)]


def _can_be_reached(address: str) -> bool:
    one = ip_address(address)
    return not (one.is_loopback or one.is_unspecified or one.is_link_local)
