"""How a database of any age becomes one of today.

Each function is frozen once released: it says how the tables were *then*, whatever `schema` says now. To
change a table, add a function at the end of `ALL`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    text,
)

Migration = Callable[[Connection], None]

_APPLIED: Final = Table("migrations", MetaData(), Column("name", String(128), primary_key=True))


def applied(connection: Connection) -> tuple[str, ...]:
    """Return the names of what was applied; makes the list when the database is new."""
    _APPLIED.create(connection, checkfirst=True)
    return tuple(connection.scalars(select(_APPLIED.c.name).order_by(_APPLIED.c.name)))


def apply(connection: Connection, migration: Migration) -> None:
    """Apply one migration and record it. Both happen or neither, when the caller's transaction ends well."""
    migration(connection)
    connection.execute(insert(_APPLIED).values(name=migration.__name__))


def m001_accounts(connection: Connection) -> None:
    """Accounts with their quota."""
    tables = MetaData()
    Table(
        "accounts",
        tables,
        Column("number", Integer, primary_key=True),
        Column("id", String(64), nullable=False, unique=True),
        Column("token", LargeBinary, nullable=False),
        Column("cookies", LargeBinary),
        Column("fingerprint", String(64), nullable=False),
        Column("label", Text, nullable=False),
        Column("tier", String(32), nullable=False),
        Column("tier_source", String(32), nullable=False),
        Column("status", String(32), nullable=False),
        Column("reason", Text, nullable=False),
        Column("since", Float, nullable=False),
        Column("windows", Text, nullable=False),
        Column("resting_until", Float, nullable=False),
        Column("rest_reason", Text, nullable=False),
        Column("faults", Integer, nullable=False),
        Column("user_id", Text, nullable=False),
        Column("email", Text, nullable=False),
        Column("created_at", Float, nullable=False),
        Column("synced_at", Float),
        Column("uses", Integer, nullable=False),
        Column("failures", Integer, nullable=False),
        Column("last_use_at", Float),
        Column("last_failure_at", Float),
        Column("last_failure", Text, nullable=False),
        Column("removed_at", Float),
        Index(
            "one_account_per_token",
            "fingerprint",
            unique=True,
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
    )
    tables.create_all(connection)


def m002_client_keys(connection: Connection) -> None:
    """Keys that clients present."""
    tables = MetaData()
    Table(
        "client_keys",
        tables,
        Column("number", Integer, primary_key=True),
        Column("id", String(64), nullable=False, unique=True),
        Column("name", Text, nullable=False),
        Column("value", LargeBinary, nullable=False),
        Column("digest", String(64), nullable=False, unique=True),
        Column("created_at", Float, nullable=False),
        Column("revoked_at", Float),
    )
    tables.create_all(connection)


def m003_runs(connection: Connection) -> None:
    """The list of past requests."""
    tables = MetaData()
    Table(
        "runs",
        tables,
        Column("id", String(64), primary_key=True),
        Column("at", Float, nullable=False),
        Column("model", Text, nullable=False),
        Column("client", Text, nullable=False),
        Column("mode", Text, nullable=False),
        Column("account", String(64), nullable=False),
        Column("account_name", Text, nullable=False),
        Column("egress", Text, nullable=False),
        Column("state", String(32), nullable=False),
        Column("stop", Text, nullable=False),
        Column("failure", Text, nullable=False),
        Column("first_ms", Integer),
        Column("total_ms", Integer),
        Column("pieces", Integer, nullable=False),
        Column("prompt_tokens", Integer, nullable=False),
        Column("completion_tokens", Integer, nullable=False),
        Column("tries", Text, nullable=False),
        Index("runs_by_time", "at", "id"),
    )
    tables.create_all(connection)


def m004_responses(connection: Connection) -> None:
    """Answers that clients may come back to."""
    tables = MetaData()
    Table(
        "responses",
        tables,
        Column("id", String(64), primary_key=True),
        Column("created_at", Float, nullable=False),
        Column("used_at", Float, nullable=False),
        Column("said", LargeBinary, nullable=False),
        Index("responses_by_use", "used_at", "id"),
    )
    tables.create_all(connection)


def m005_completions(connection: Connection) -> None:
    """Chat completions that clients asked to keep."""
    tables = MetaData()
    Table(
        "completions",
        tables,
        Column("number", Integer, primary_key=True),
        Column("id", String(128), nullable=False, unique=True),
        Column("created_at", Float, nullable=False),
        Column("model", Text, nullable=False),
        Column("answer", LargeBinary, nullable=False),
        Column("messages", LargeBinary, nullable=False),
        Column("metadata", LargeBinary, nullable=False),
    )
    tables.create_all(connection)


def m006_account_record(connection: Connection) -> None:
    """What an owner notes about an account, and what upstream tells of it besides its windows."""
    for definition in (
        "note TEXT NOT NULL DEFAULT ''",
        "tags TEXT NOT NULL DEFAULT '[]'",
        "credits TEXT NOT NULL DEFAULT 'null'",
        "media TEXT NOT NULL DEFAULT '{}'",
        "proxy BLOB",
        "max_parallel INTEGER",
        "checked_at FLOAT",
        "check_failures INTEGER NOT NULL DEFAULT 0",
        "check_failure TEXT NOT NULL DEFAULT ''",
        "terms_at FLOAT",
        "birth_date_at FLOAT",
        "adult_at FLOAT",
        "syncs INTEGER NOT NULL DEFAULT 0",
    ):
        connection.exec_driver_sql(f"ALTER TABLE accounts ADD COLUMN {definition}")


ALL: Final[tuple[Migration, ...]] = (
    m001_accounts,
    m002_client_keys,
    m003_runs,
    m004_responses,
    m005_completions,
    m006_account_record,
)
