"""Write docs/failures.md from the cases that the tests play: `make failures`."""

from tests.app.failures_page import PATH, page


def main() -> None:
    """Write it."""
    PATH.write_text(page(), "utf-8", newline="\n")


if __name__ == "__main__":
    main()
