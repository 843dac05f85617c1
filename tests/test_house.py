"""Rules about the text of the tree, which no linter knows."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOT_OURS = {
    ".git",
    ".hypothesis",
    ".venv",
    ".venv-compliance",
    "build",
    "dist",
    "__pycache__",
    "node_modules",
}
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".ico", ".icns", ".ttf", ".otf", ".woff2", ".qm", ".svg"}

# In pieces, so that this file does not name what it forbids.
FOREIGN = re.compile(
    "|".join(
        [
            "/wor" + "k/",
            "/roo" + "t/",
            "/tm" + "p/(ref|perf)",
            "python" + "hosted",
            "py" + r"pi\.org",
            "npm" + r"js\.(org|com)",
            "deb" + r"\.debian",
        ]
    )
)
NESTED_LOOP = re.compile(
    r"\.exec_?\("
    r"|\bprocessEvents\b"
    r"|\bQEventLoop\b"
    r"|\bQMessageBox\s*\.\s*(about|aboutQt|critical|information|question|warning)\b"
    r"|\bQFileDialog\s*\.\s*get\w+"
    r"|\bQInputDialog\s*\.\s*get\w+"
    r"|\bQColorDialog\s*\.\s*getColor\b"
    r"|\bQFontDialog\s*\.\s*getFont\b"
)
LOCKS = ["runtime.txt", "dev.txt"]


def files(folder: Path, suffix: str = "") -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith("_cache")]
        yield from (Path(place, name) for name in names if name.endswith(suffix))


def lines_matching(pattern: re.Pattern[str], paths: Iterator[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def requirements(lock: str) -> list[str]:
    """Return one string per locked package, its continued lines joined."""
    text = (ROOT / "packaging" / "locks" / lock).read_text("utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def test_no_file_names_a_machine_path_or_a_package_host() -> None:
    """
    The tree can be cloned anywhere and installs from whatever index the machine has configured.
    """
    texts = (path for path in files(ROOT) if path.suffix not in PICTURES)

    assert lines_matching(FOREIGN, texts) == []


def test_nothing_in_the_program_runs_a_nested_qt_loop() -> None:
    """
    A task that wakes inside a nested loop is lost for good, so dialogs open through `ui/dialogs.py`.
    """
    assert lines_matching(NESTED_LOOP, files(ROOT / "grokdesk", ".py")) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_one_version_and_hashes(lock: str) -> None:
    """
    What is installed is what was locked, byte for byte.
    """
    loose = [
        line
        for line in requirements(lock)
        if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)
    ]

    assert loose == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_an_index(lock: str) -> None:
    """
    Where packages come from is the machine's business.
    """
    text = (ROOT / "packaging" / "locks" / lock).read_text("utf-8")

    assert re.findall(r"https?:|--(?:extra-)?index-url|--find-links|--trusted-host", text) == []


def test_the_two_locks_agree() -> None:
    """
    The tests run against the versions people get.
    """
    runtime, dev = ({line.split()[0] for line in requirements(lock)} for lock in LOCKS)

    assert runtime - dev == set()
