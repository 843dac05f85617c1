"""Opening a store reads what it needs of SQLAlchemy and not the ORM."""

from __future__ import annotations

import subprocess
import sys

_STORES = """
import sys
import grokdesk.store.file_store, grokdesk.store.sql_server
print(sorted(name for name in sys.modules if name.startswith("sqlalchemy.orm")))
"""
_AFTERWARDS = """
import grokdesk.store.async_engine as ours
import sqlalchemy.ext.asyncio as whole
print(whole.AsyncConnection is ours.AsyncConnection, whole.AsyncSession.__name__)
"""
_BEFORE = """
import sqlalchemy.ext.asyncio as whole
import grokdesk.store.async_engine as ours
print(whole.create_async_engine is ours.create_async_engine)
"""


def told(program: str) -> str:
    """Run a program in a process of its own and return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_stores_do_not_bring_the_orm() -> None:
    """
    It would cost 5 MB and a tenth of the start.
    """
    assert told(_STORES) == "[]"


def test_the_whole_package_can_still_be_read() -> None:
    """
    A library that uses sessions gets them, and the same classes of connections.
    """
    assert told(_AFTERWARDS) == "True AsyncSession"
    assert told(_BEFORE) == "True"
