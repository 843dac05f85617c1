"""`config.defaults.toml` is what the settings model says."""

import tomllib
from pathlib import Path

from grokdesk.core.settings import Settings
from grokdesk.platform.settings_file import defaults_toml

FILE = Path(__file__).resolve().parents[2] / "config.defaults.toml"


def test_the_file_of_defaults_is_up_to_date() -> None:
    """
    After a change of the settings model, run `make defaults`.
    """
    assert FILE.read_text("utf-8") == defaults_toml()


def test_the_file_of_defaults_gives_the_defaults() -> None:
    """
    Copied to config.toml it changes nothing.
    """
    assert Settings.model_validate(tomllib.loads(defaults_toml())) == Settings()
