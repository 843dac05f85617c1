"""What every test needs before the first import: no display, fixed fonts, bounded properties, two options."""

import os

import pytest
from hypothesis import settings

from tests.ui import fonts

# Qt reads this when the first application object is made; a person can still choose xcb to watch.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
fonts.fix()

# Machines differ by more than any deadline, and the suite stays under a minute.
settings.register_profile("suite", deadline=None, max_examples=50)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite golden files from what the code does now")
    parser.addoption("--renew", action="store_true", help="draw the pictures of tests/ui/pictures anew")


@pytest.fixture(scope="session")
def accept(pytestconfig: pytest.Config) -> bool:
    """Return True when golden files are to be rewritten instead of compared."""
    return bool(pytestconfig.getoption("--accept"))
