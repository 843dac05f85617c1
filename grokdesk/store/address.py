"""The address of a database server, such as `postgresql://name:password@host:5432/grokdesk?sslmode=require`."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from grokdesk.core.errors import Broken
from grokdesk.core.secret import Secret

DATABASE: Final = "grokdesk"


class BadAddress(Broken):
    """The address of the shared store is not one that can be used."""

    title = "The address of the shared store is not right"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and who asks. `socket` is a path instead of `host` and `port`."""

    host: str
    port: int
    user: str
    password: Secret
    database: str
    socket: str = ""
    # The query, its names in small letters with dashes.
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The server as it may be shown and logged."""
        if self.socket:
            return self.socket
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def only(self, known: Collection[str]) -> None:
        """Raise `BadAddress` for an option that is not among `known`."""
        unknown = sorted(set(self.options) - set(known))
        if unknown:
            raise BadAddress(
                f"The address of the shared store has an unknown option: {unknown[0]}.",
                hint=f"Known are {', '.join(sorted(known))}.",
            )


def address_of(url: Secret, *, port: int, socket: str) -> Address:
    """Read an address. `port` is the usual one; `socket` names the option that holds a path.

    Raises `BadAddress`, which never tells the password.
    """
    try:
        parts = urlsplit(url.reveal().strip())
        host, given_port = unquote(parts.hostname or ""), parts.port
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        # Without the cause: its text may hold a part of the password.
        raise BadAddress(
            "The address of the shared store cannot be read.",
            hint="Characters such as @ : / in a name or password are written as %40 %3A %2F.",
        ) from None
    options = {key.strip().lower().replace("_", "-"): value for key, value in pairs}
    path = options.pop(socket, "")
    if path and not path.startswith("/"):
        raise BadAddress(
            f"The address of the shared store has a {socket} that is no path.",
            hint="It is the full path of a socket; a server on the network stands before the slash.",
        )
    return Address(
        host=host or "localhost",
        port=given_port or port,
        user=unquote(parts.username or ""),
        password=Secret(unquote(parts.password or "")),
        database=unquote(parts.path.strip("/")) or DATABASE,
        socket=path,
        options=options,
    )


# --- certificates -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Certificates:
    """What TLS is told.

    `verify` asks for a certificate that somebody known has signed, `name` also for one that names the host.
    """

    verify: bool
    name: bool
    ca_file: str = ""
    ca_folder: str = ""
    certificate: str = ""
    key: str = ""
    ciphers: str = ""


def context_of(told: Certificates) -> ssl.SSLContext:
    """The context for a connection. Raises `BadAddress` for files that cannot be read. Reads files."""
    try:
        context = ssl.create_default_context(cafile=told.ca_file or None, capath=told.ca_folder or None)
        context.check_hostname = told.name
        context.verify_mode = ssl.CERT_REQUIRED if told.verify else ssl.CERT_NONE
        if told.certificate:
            # A key that asks for a passphrase must not ask for it on the terminal.
            context.load_cert_chain(told.certificate, told.key or None, password=lambda: "")
        if told.ciphers:
            context.set_ciphers(told.ciphers)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise BadAddress(
            "The certificates for the shared store cannot be used.",
            hint="Check the files that the address names.",
            detail=f"{type(error).__name__}: {error}",
        ) from error
    return context
