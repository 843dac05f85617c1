"""The program with its face, saying when the tray icon was shown.

python -m bench.tray FOLDER
"""

from __future__ import annotations

import sys
import time

from grokdesk.__main__ import main
from grokdesk.ui.tray import Tray

_show = Tray.show


def _shown(tray: Tray) -> None:
    _show(tray)
    print(time.monotonic(), flush=True)


if __name__ == "__main__":
    Tray.show = _shown  # type: ignore[method-assign, assignment] # the clock stops where the icon appears
    sys.exit(main(["--data-dir", sys.argv[1], "--port", "0"]))
