"""The part of SQLAlchemy that runs statements on a loop, read without the ORM.

`sqlalchemy.ext.asyncio` brings its engine and its sessions together, and the sessions bring the whole ORM:
5 MB and a tenth of the start for what nothing here uses. The engine itself needs none of it, so it is read
while an empty package stands for the whole one. That package is gone afterwards: whoever imports the real
one later gets it, with the same classes.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

__all__ = ["AsyncConnection", "AsyncEngine", "create_async_engine"]

_PACKAGE: Final = "sqlalchemy.ext.asyncio"


def _read() -> None:
    spec = None if _PACKAGE in sys.modules else find_spec(_PACKAGE)
    if spec is None:
        import_module(_PACKAGE)
        return
    sys.modules[_PACKAGE] = module_from_spec(spec)
    try:
        import_module(f"{_PACKAGE}.engine")
    finally:
        del sys.modules[_PACKAGE]


if not TYPE_CHECKING:
    _read()
    _engine = sys.modules[f"{_PACKAGE}.engine"]
    AsyncConnection, AsyncEngine = _engine.AsyncConnection, _engine.AsyncEngine
    create_async_engine = _engine.create_async_engine
