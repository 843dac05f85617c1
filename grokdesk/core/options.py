"""How the program was started, and what a person decides while it starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grokdesk.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Options:
    """The command line.

    `overrides` are settings by dotted name; `serve` False opens the data folder without a gateway. `hidden`
    begins with the tray icon only, where there is one. `opens` are links and whole paths of files to show.
    """

    data_dir: Path | None = None
    demo: bool = False
    headless: bool = False
    serve: bool = True
    hidden: bool = False
    opens: tuple[str, ...] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)  # values of any setting, checked by the model
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


@dataclass(frozen=True, slots=True)
class KeyChoice:
    """What a person decided about the master key: a passphrase, or (None) a key file in the data folder."""

    passphrase: Secret | None = None
