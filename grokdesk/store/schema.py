"""The tables as they are now; `migrations` says how they came to be. Times are Unix seconds.

`number` keeps the order in which rows were added. Sealed columns are `LargeBinary`; what they are sealed
for is their table, the row's `id` and their own name.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

metadata: Final = MetaData()

accounts: Final = Table(
    "accounts",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("token", LargeBinary, nullable=False),
    Column("cookies", LargeBinary),
    # Finds a token that is already here without opening any; see Vault.fingerprint.
    Column("fingerprint", String(64), nullable=False),
    Column("label", Text, nullable=False),
    Column("tier", String(32), nullable=False),
    Column("tier_source", String(32), nullable=False),
    Column("status", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Float, nullable=False),
    # JSON by the name of the mode.
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
    Column("note", Text, nullable=False),
    # JSON: a list of texts; an object or null; an object by product.
    Column("tags", Text, nullable=False),
    Column("credits", Text, nullable=False),
    Column("media", Text, nullable=False),
    Column("proxy", LargeBinary),
    Column("max_parallel", Integer),
    Column("checked_at", Float),
    Column("check_failures", Integer, nullable=False),
    Column("check_failure", Text, nullable=False),
    Column("terms_at", Float),
    Column("birth_date_at", Float),
    Column("adult_at", Float),
    Column("syncs", Integer, nullable=False),
    # A removed account may come back as a new one.
    Index(
        "one_account_per_token",
        "fingerprint",
        unique=True,
        sqlite_where=text("removed_at IS NULL"),
        postgresql_where=text("removed_at IS NULL"),
    ),
)

client_keys: Final = Table(
    "client_keys",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
)

runs: Final = Table(
    "runs",
    metadata,
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
    # JSON: a list of [account, egress, failure].
    Column("tries", Text, nullable=False),
    Index("runs_by_time", "at", "id"),
)

completions: Final = Table(
    "completions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(128), nullable=False, unique=True),
    Column("created_at", Float, nullable=False),
    Column("model", Text, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("messages", LargeBinary, nullable=False),
    Column("metadata", LargeBinary, nullable=False),
)

responses: Final = Table(
    "responses",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("created_at", Float, nullable=False),
    # When it was made or continued last: what nobody uses is forgotten first.
    Column("used_at", Float, nullable=False),
    # JSON: a list of the other fields.
    Column("said", LargeBinary, nullable=False),
    Index("responses_by_use", "used_at", "id"),
)
