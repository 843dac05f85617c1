"""Kinds of columns that hold the same on every database.

Ids compare byte by byte, texts and bytes have no practical limit, times are exact to the microsecond.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Dialect, Double, Float, LargeBinary, String, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

# Of this length MySQL makes them LONGTEXT and LONGBLOB; its own types would bring all of SQLAlchemy's MySQL
# into every start.
_LONGEST: Final = 2**32 - 1


class _WithoutNul(TypeDecorator[str]):
    """Text for PostgreSQL, which has no NUL in texts: what a client wrote must not block everything else."""

    impl: type[String] = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace it by the character that stands for what cannot be shown."""
        return value if value is None else value.replace("\0", "\ufffd")


class _NameWithoutNul(_WithoutNul):
    """The same, of a limited length."""

    impl: type[String] = String


def name(length: int) -> TypeEngine[str]:
    """An id or a word of ours, of at most `length` characters."""
    return String(length).with_variant(_NameWithoutNul(length, collation="C"), "postgresql")


TEXT: Final[TypeEngine[str]] = (
    Text().with_variant(_WithoutNul(), "postgresql").with_variant(Text(_LONGEST), "mysql")
)
BYTES: Final[TypeEngine[bytes]] = LargeBinary().with_variant(LargeBinary(_LONGEST), "mysql")
# MySQL's FLOAT has seven digits, of which a Unix time needs ten.
TIME: Final[TypeEngine[float]] = Float().with_variant(Double(), "postgresql", "mysql")


def table_options(connection: Connection) -> dict[str, Any]:  # keyword arguments of Table
    """What a new table is given, so that texts are Unicode and compare byte by byte, also at their end."""
    dialect: Any = connection.dialect  # only MySQL's knows whether it is MariaDB
    if dialect.name != "mysql":
        return {}
    collation = "utf8mb4_nopad_bin" if dialect.is_mariadb else "utf8mb4_0900_bin"
    return {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": collation}
