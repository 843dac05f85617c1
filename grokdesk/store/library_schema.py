"""The tables of `library.db`, and how they came to be. Times are Unix seconds.

`number` keeps the order in which rows were added. Sealed columns are `BYTES`; what they are sealed for is
their table, the row's `id` and their own name. The functions in `MIGRATIONS` are frozen once released
(store/migrations.py).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Connection, Index, Integer, MetaData, Table

from grokdesk.store.columns import BYTES, TEXT, TIME, name
from grokdesk.store.migrations import Migration

metadata: Final = MetaData()

files: Final = Table(
    "files",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", name(64), nullable=False, unique=True),
    Column("kind", name(16), nullable=False),
    Column("digest", name(64), nullable=False, index=True),
    Column("media_type", name(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("seconds", TIME, nullable=False),
    Column("adult", Boolean, nullable=False),
    Column("favourite", Boolean, nullable=False),
    # JSON: a list of texts.
    Column("tags", TEXT, nullable=False),
    Column("thumbnail", Boolean, nullable=False),
    Column("removed_at", TIME),
    # JSON: origin and trace.
    Column("told", BYTES, nullable=False),
    Index("files_by_time", "removed_at", "created_at", "number"),
    Index("files_by_kind", "kind", "digest", "size"),
)

jobs: Final = Table(
    "jobs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", name(64), nullable=False, unique=True),
    Column("kind", name(16), nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("client", TEXT, nullable=False),
    Column("state", name(16), nullable=False, index=True),
    Column("fraction", TIME, nullable=False),
    Column("started_at", TIME),
    Column("ended_at", TIME),
    Column("failure", TEXT, nullable=False),
    Column("hint", TEXT, nullable=False),
    Column("code", name(64), nullable=False),
    # JSON: a list of ids.
    Column("files", TEXT, nullable=False),
    Column("remix_of", name(64), nullable=False),
    # JSON: request and trace.
    Column("told", BYTES, nullable=False),
)


def m001_library(connection: Connection) -> None:
    """Files, and the jobs that made them."""
    tables = MetaData()
    Table(
        "files",
        tables,
        Column("number", Integer, primary_key=True),
        Column("id", name(64), nullable=False, unique=True),
        Column("kind", name(16), nullable=False),
        Column("digest", name(64), nullable=False, index=True),
        Column("media_type", name(64), nullable=False),
        Column("size", Integer, nullable=False),
        Column("created_at", TIME, nullable=False),
        Column("width", Integer, nullable=False),
        Column("height", Integer, nullable=False),
        Column("seconds", TIME, nullable=False),
        Column("adult", Boolean, nullable=False),
        Column("favourite", Boolean, nullable=False),
        Column("tags", TEXT, nullable=False),
        Column("thumbnail", Boolean, nullable=False),
        Column("removed_at", TIME),
        Column("told", BYTES, nullable=False),
        Index("files_by_time", "removed_at", "created_at", "number"),
        Index("files_by_kind", "kind", "digest", "size"),
    )
    Table(
        "jobs",
        tables,
        Column("number", Integer, primary_key=True),
        Column("id", name(64), nullable=False, unique=True),
        Column("kind", name(16), nullable=False),
        Column("created_at", TIME, nullable=False),
        Column("client", TEXT, nullable=False),
        Column("state", name(16), nullable=False, index=True),
        Column("fraction", TIME, nullable=False),
        Column("started_at", TIME),
        Column("ended_at", TIME),
        Column("failure", TEXT, nullable=False),
        Column("hint", TEXT, nullable=False),
        Column("code", name(64), nullable=False),
        Column("files", TEXT, nullable=False),
        Column("remix_of", name(64), nullable=False),
        Column("told", BYTES, nullable=False),
    )
    tables.create_all(connection)


MIGRATIONS: Final[tuple[Migration, ...]] = (m001_library,)
