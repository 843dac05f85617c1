"""The tables as they are now; `migrations` says how they came to be. Times are Unix seconds.

`number` keeps the order in which rows were added. Sealed columns are `BYTES`; what they are sealed
for is their table, the row's `id` and their own name.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, text

from grokdesk.store.columns import BYTES, TEXT, TIME, name

metadata: Final = MetaData()

accounts: Final = Table(
    "accounts",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", name(64), nullable=False, unique=True),
    Column("token", BYTES, nullable=False),
    Column("cookies", BYTES),
    # Finds a token that is already here without opening any; see Vault.fingerprint.
    Column("fingerprint", name(64), nullable=False),
    Column("label", TEXT, nullable=False),
    Column("tier", name(32), nullable=False),
    Column("tier_source", name(32), nullable=False),
    Column("status", name(32), nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("since", TIME, nullable=False),
    # JSON by the name of the mode.
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
    Column("note", TEXT, nullable=False),
    # JSON: a list of texts; an object or null; an object by product.
    Column("tags", TEXT, nullable=False),
    Column("credits", TEXT, nullable=False),
    Column("media", TEXT, nullable=False),
    Column("proxy", BYTES),
    Column("max_parallel", Integer),
    Column("checked_at", TIME),
    Column("check_failures", Integer, nullable=False),
    Column("check_failure", TEXT, nullable=False),
    Column("terms_at", TIME),
    Column("birth_date_at", TIME),
    Column("adult_at", TIME),
    Column("syncs", Integer, nullable=False),
    # A removed account may come back as a new one. (On PostgreSQL too; to say so here would bring all of
    # SQLAlchemy's PostgreSQL into every start.)
    Index(
        "one_account_per_token",
        "fingerprint",
        unique=True,
        sqlite_where=text("removed_at IS NULL"),
    ),
)

client_keys: Final = Table(
    "client_keys",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", name(64), nullable=False, unique=True),
    Column("name", TEXT, nullable=False),
    Column("value", BYTES, nullable=False),
    Column("digest", name(64), nullable=False, unique=True),
    Column("created_at", TIME, nullable=False),
    Column("revoked_at", TIME),
)

runs: Final = Table(
    "runs",
    metadata,
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
    # JSON: a list of lists, the members of `core.runs.Try` in order.
    Column("tries", TEXT, nullable=False),
    Column("dialect", name(32), nullable=False),
    Column("stream", Integer, nullable=False),
    Column("answered", TEXT, nullable=False),
    Column("request_id", name(64), nullable=False),
    Column("cause", name(64), nullable=False),
    Column("hint", TEXT, nullable=False),
    # What a person may look for, as `core.runs.words_of` says it.
    Column("words", TEXT, nullable=False),
    Index("runs_by_time", "at", "id"),
)

# What one gateway counted in an hour for a model and a client; outlives the list of requests.
hours: Final = Table(
    "hours",
    metadata,
    Column("id", name(64), primary_key=True),
    Column("hour", Integer, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("client", TEXT, nullable=False),
    Column("done", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("left_early", Integer, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    # How many first pieces came in each bin of time (core/usage.py), in hexadecimal digits.
    Column("firsts", TEXT, nullable=False),
    Index("hours_by_time", "hour", "id"),
)

# What was said in requests, if the owner keeps that.
talks: Final = Table(
    "talks",
    metadata,
    Column("id", name(64), primary_key=True),
    Column("at", TIME, nullable=False),
    # JSON: a list of the other fields.
    Column("said", BYTES, nullable=False),
    Index("talks_by_time", "at", "id"),
)

completions: Final = Table(
    "completions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", name(128), nullable=False, unique=True),
    Column("created_at", TIME, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("answer", BYTES, nullable=False),
    Column("messages", BYTES, nullable=False),
    Column("metadata", BYTES, nullable=False),
)

responses: Final = Table(
    "responses",
    metadata,
    Column("id", name(64), primary_key=True),
    Column("created_at", TIME, nullable=False),
    # When it was made or continued last: what nobody uses is forgotten first.
    Column("used_at", TIME, nullable=False),
    # JSON: a list of the other fields.
    Column("said", BYTES, nullable=False),
    Index("responses_by_use", "used_at", "id"),
)

# --- what gateways of one server keep together --------------------------------------------------------------

sharing: Final = MetaData()

# The last change of an account or key. Only servers have this; a file has one writer.
changes: Final = Table(
    "changes",
    sharing,
    Column("kind", name(16), primary_key=True),
    Column("id", name(64), primary_key=True),
    Column("revision", BigInteger, nullable=False),
    # Who made it.
    Column("gateway", name(64), nullable=False),
    Index("changes_by_revision", "revision"),
)

# What a store says about itself.
facts: Final = Table(
    "facts", sharing, Column("name", name(64), primary_key=True), Column("value", TEXT, nullable=False)
)

counters: Final = Table(
    "counters",
    sharing,
    Column("name", name(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

gateways: Final = Table(
    "gateways",
    sharing,
    Column("id", name(64), primary_key=True),
    # Names the data folder it works in.
    Column("home", name(64), nullable=False),
    # The order in which they came; the first that lives leads.
    Column("joined", BigInteger, nullable=False),
    # When it last said that it lives, by the clock of the server.
    Column("beat_at", TIME, nullable=False),
    # The number of its last batch of accounts that was written whole.
    Column("wrote", BigInteger, nullable=False),
)

# How many requests of an account a gateway has in flight; no row is none.
leases: Final = Table(
    "leases",
    sharing,
    Column("account", name(64), primary_key=True),
    Column("gateway", name(64), primary_key=True),
    Column("held", Integer, nullable=False),
)

# Rows to lock: whoever counts the leases of an account holds that of its slot.
LEASE_SLOTS: Final = 64
lease_slots: Final = Table(
    "lease_slots", sharing, Column("number", Integer, primary_key=True, autoincrement=False)
)
