"""How a database of any age becomes one of today.

Each function is frozen once released: it says how the tables were *then*, whatever `schema` says now. To
change a table, add a function at the end of `ALL`. It runs on SQLite, PostgreSQL, MySQL and MariaDB, and on
the last two again when it was cut short.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.schema import CreateColumn, CreateTable

from grokdesk.store.columns import BYTES, TEXT, TIME, name, table_options

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
    table = Table(
        "accounts",
        MetaData(),
        Column("number", Integer, primary_key=True),
        Column("id", name(64), nullable=False, unique=True),
        Column("token", BYTES, nullable=False),
        Column("cookies", BYTES),
        Column("fingerprint", name(64), nullable=False),
        Column("label", TEXT, nullable=False),
        Column("tier", name(32), nullable=False),
        Column("tier_source", name(32), nullable=False),
        Column("status", name(32), nullable=False),
        Column("reason", TEXT, nullable=False),
        Column("since", TIME, nullable=False),
        Column("windows", TEXT, nullable=False),
        Column("resting_until", TIME, nullable=False),
        Column("rest_reason", TEXT, nullable=False),
        Column("faults", Integer, nullable=False),
        Column("user_id", TEXT, nullable=False),
        Column("email", TEXT, nullable=False),
        Column("created_at", TIME, nullable=False),
        Column("synced_at", TIME),
        Column("uses", Integer, nullable=False),
        Column("failures", Integer, nullable=False),
        Column("last_use_at", TIME),
        Column("last_failure_at", TIME),
        Column("last_failure", TEXT, nullable=False),
        Column("removed_at", TIME),
        **table_options(connection),
    )
    _make(connection, table)
    _one_account_per_token(connection)


def m002_client_keys(connection: Connection) -> None:
    """Keys that clients present."""
    table = Table(
        "client_keys",
        MetaData(),
        Column("number", Integer, primary_key=True),
        Column("id", name(64), nullable=False, unique=True),
        Column("name", TEXT, nullable=False),
        Column("value", BYTES, nullable=False),
        Column("digest", name(64), nullable=False, unique=True),
        Column("created_at", TIME, nullable=False),
        Column("revoked_at", TIME),
        **table_options(connection),
    )
    _make(connection, table)


def m003_runs(connection: Connection) -> None:
    """The list of past requests."""
    table = Table(
        "runs",
        MetaData(),
        Column("id", name(64), primary_key=True),
        Column("at", TIME, nullable=False),
        Column("model", TEXT, nullable=False),
        Column("client", TEXT, nullable=False),
        Column("mode", TEXT, nullable=False),
        Column("account", name(64), nullable=False),
        Column("account_name", TEXT, nullable=False),
        Column("egress", TEXT, nullable=False),
        Column("state", name(32), nullable=False),
        Column("stop", TEXT, nullable=False),
        Column("failure", TEXT, nullable=False),
        Column("first_ms", Integer),
        Column("total_ms", Integer),
        Column("pieces", Integer, nullable=False),
        Column("prompt_tokens", Integer, nullable=False),
        Column("completion_tokens", Integer, nullable=False),
        Column("tries", TEXT, nullable=False),
        Index("runs_by_time", "at", "id"),
        **table_options(connection),
    )
    _make(connection, table)


def m004_responses(connection: Connection) -> None:
    """Answers that clients may come back to."""
    table = Table(
        "responses",
        MetaData(),
        Column("id", name(64), primary_key=True),
        Column("created_at", TIME, nullable=False),
        Column("used_at", TIME, nullable=False),
        Column("said", BYTES, nullable=False),
        Index("responses_by_use", "used_at", "id"),
        **table_options(connection),
    )
    _make(connection, table)


def m005_completions(connection: Connection) -> None:
    """Chat completions that clients asked to keep."""
    table = Table(
        "completions",
        MetaData(),
        Column("number", Integer, primary_key=True),
        Column("id", name(128), nullable=False, unique=True),
        Column("created_at", TIME, nullable=False),
        Column("model", TEXT, nullable=False),
        Column("answer", BYTES, nullable=False),
        Column("messages", BYTES, nullable=False),
        Column("metadata", BYTES, nullable=False),
        **table_options(connection),
    )
    _make(connection, table)


def m006_account_record(connection: Connection) -> None:
    """What an owner notes about an account, and what upstream tells of it besides its windows."""
    _add(
        connection,
        "accounts",
        Column("note", TEXT, nullable=False, server_default=text("''")),
        Column("tags", TEXT, nullable=False, server_default=text("'[]'")),
        Column("credits", TEXT, nullable=False, server_default=text("'null'")),
        Column("media", TEXT, nullable=False, server_default=text("'{}'")),
        Column("proxy", BYTES),
        Column("max_parallel", Integer),
        Column("checked_at", TIME),
        Column("check_failures", Integer, nullable=False, server_default=text("0")),
        Column("check_failure", TEXT, nullable=False, server_default=text("''")),
        Column("terms_at", TIME),
        Column("birth_date_at", TIME),
        Column("adult_at", TIME),
        Column("syncs", Integer, nullable=False, server_default=text("0")),
    )


def m007_sharing(connection: Connection) -> None:
    """What several gateways on one server keep together. A file has one gateway, and none of this."""
    if connection.dialect.name == "sqlite":
        return
    changes = Table(
        "changes",
        MetaData(),
        Column("kind", name(16), primary_key=True),
        Column("id", name(64), primary_key=True),
        Column("revision", BigInteger, nullable=False),
        Column("gateway", name(64), nullable=False),
        Index("changes_by_revision", "revision"),
        **table_options(connection),
    )
    facts = Table(
        "facts",
        MetaData(),
        Column("name", name(64), primary_key=True),
        Column("value", TEXT, nullable=False),
        **table_options(connection),
    )
    counters = Table(
        "counters",
        MetaData(),
        Column("name", name(32), primary_key=True),
        Column("value", BigInteger, nullable=False),
        **table_options(connection),
    )
    gateways = Table(
        "gateways",
        MetaData(),
        Column("id", name(64), primary_key=True),
        Column("home", name(64), nullable=False),
        Column("joined", BigInteger, nullable=False),
        Column("beat_at", TIME, nullable=False),
        Column("wrote", BigInteger, nullable=False),
        **table_options(connection),
    )
    leases = Table(
        "leases",
        MetaData(),
        Column("account", name(64), primary_key=True),
        Column("gateway", name(64), primary_key=True),
        Column("held", Integer, nullable=False),
        **table_options(connection),
    )
    slots = Table(
        "lease_slots",
        MetaData(),
        Column("number", Integer, primary_key=True, autoincrement=False),
        **table_options(connection),
    )
    for table in (changes, facts, counters, gateways, leases, slots):
        _make(connection, table)
    _fill(connection, counters, [{"name": "revision", "value": 0}, {"name": "joined", "value": 0}])
    _fill(connection, slots, [{"number": number} for number in range(64)])


def m008_requests(connection: Connection) -> None:
    """How a request came and what can be done about its failure; sums of each hour; what was said."""
    _add(
        connection,
        "runs",
        Column("dialect", name(32), nullable=False, server_default=text("''")),
        Column("stream", Integer, nullable=False, server_default=text("0")),
        Column("answered", TEXT, nullable=False, server_default=text("''")),
        Column("request_id", name(64), nullable=False, server_default=text("''")),
        Column("cause", name(64), nullable=False, server_default=text("''")),
        Column("hint", TEXT, nullable=False, server_default=text("''")),
        Column("words", TEXT, nullable=False, server_default=text("''")),
    )
    parts = ("model", "client", "account_name", "egress", "state", "failure", "id")
    if connection.dialect.name == "sqlite":
        # Its LOWER knows English letters only.
        rows = connection.exec_driver_sql(f"SELECT id, {', '.join(parts)} FROM runs").all()  # noqa: S608 - words of ours
        words = [(" ".join(" ".join(row[1:]).casefold().split()), row[0]) for row in rows]
        if words:
            connection.exec_driver_sql("UPDATE runs SET words = ? WHERE id = ?", words)
    else:
        joined = "CONCAT_WS(' ', " + ", ".join(parts) + ")" if connection.dialect.name == "mysql" else ""
        joined = joined or " || ' ' || ".join(parts)
        connection.exec_driver_sql(f"UPDATE runs SET words = LOWER({joined}) WHERE words = ''")  # noqa: S608 - same
    hours = Table(
        "hours",
        MetaData(),
        Column("id", name(64), primary_key=True),
        Column("hour", Integer, nullable=False),
        Column("model", TEXT, nullable=False),
        Column("client", TEXT, nullable=False),
        Column("done", Integer, nullable=False),
        Column("failed", Integer, nullable=False),
        Column("left_early", Integer, nullable=False),
        Column("prompt_tokens", BigInteger, nullable=False),
        Column("completion_tokens", BigInteger, nullable=False),
        Column("firsts", TEXT, nullable=False),
        Index("hours_by_time", "hour", "id"),
        **table_options(connection),
    )
    talks = Table(
        "talks",
        MetaData(),
        Column("id", name(64), primary_key=True),
        Column("at", TIME, nullable=False),
        Column("said", BYTES, nullable=False),
        Index("talks_by_time", "at", "id"),
        **table_options(connection),
    )
    for table in (hours, talks):
        _make(connection, table)


ALL: Final[tuple[Migration, ...]] = (
    m001_accounts,
    m002_client_keys,
    m003_runs,
    m004_responses,
    m005_completions,
    m006_account_record,
    m007_sharing,
    m008_requests,
)


# --- making tables ------------------------------------------------------------------------------------------

# MySQL cannot take back a change of tables, so each of these does only what is still missing: a migration
# that was cut short is applied again.


def _make(connection: Connection, table: Table) -> None:
    # Without its indexes: of a table that is there they may still be missing.
    connection.execute(CreateTable(table, if_not_exists=True))
    there = {index["name"] for index in inspect(connection).get_indexes(table.name)}
    for index in table.indexes:
        if index.name not in there:
            index.create(connection)


def _one_account_per_token(connection: Connection) -> None:
    """Keep the tokens of accounts that are not removed apart.

    MySQL has no index over a part of the rows; there a column is the fingerprint of what is not removed.
    """
    if connection.dialect.name != "mysql":
        connection.exec_driver_sql(
            "CREATE UNIQUE INDEX IF NOT EXISTS one_account_per_token"
            " ON accounts (fingerprint) WHERE removed_at IS NULL"
        )
        return
    columns = {column["name"] for column in inspect(connection).get_columns("accounts")}
    if "present" not in columns:
        connection.exec_driver_sql(
            "ALTER TABLE accounts ADD COLUMN present VARCHAR(64)"
            " GENERATED ALWAYS AS (CASE WHEN removed_at IS NULL THEN fingerprint END) STORED,"
            " ADD UNIQUE INDEX one_account_per_token (present)"
        )


def _add(connection: Connection, table: str, *columns: Column[Any]) -> None:
    there = {column["name"] for column in inspect(connection).get_columns(table)}
    if connection.dialect.name == "mysql":
        # Its texts have no defaults, and no server has rows from before these migrations.
        for column in columns:
            column.server_default = None
    Table(table, MetaData(), *columns)
    for column in columns:
        if column.name not in there:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {definition}")


def _fill(connection: Connection, table: Table, rows: Sequence[dict[str, object]]) -> None:
    if connection.scalar(select(func.count()).select_from(table)) == 0:
        connection.execute(insert(table), rows)
