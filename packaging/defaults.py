"""Write config.defaults.toml from the settings model: `make defaults`."""

from pathlib import Path

from grokdesk.platform.settings_file import defaults_toml


def main() -> None:
    """Write it to the root of the tree."""
    target = Path(__file__).resolve().parents[1] / "config.defaults.toml"
    target.write_text(defaults_toml(), "utf-8", newline="\n")


if __name__ == "__main__":
    main()
