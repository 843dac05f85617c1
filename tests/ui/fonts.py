"""The same fonts on every machine that draws pictures: Noto Sans, which `make test` brings along.

Fontconfig reads its file once, before the first font is asked for, so this is said before Qt is imported.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

FIXED: Final = Path(__file__).with_name("fonts.conf")
# Of the packages that packaging/bootstrap.py installs for the tests.
_NEEDED: Final = (
    Path("/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf"),
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
)


def there() -> bool:
    """Whether this machine has them."""
    return sys.platform.startswith("linux") and all(path.exists() for path in _NEEDED)


def fix() -> None:
    """Draw with them and with nothing else, if they are there."""
    if there():
        os.environ["FONTCONFIG_FILE"] = str(FIXED)
