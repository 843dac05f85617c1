"""Make this checkout ready: system packages, `.venv`, locked dependencies, the project itself.

    python3 packaging/bootstrap.py run|lint|test

`run` needs the program, `lint` the developer's tools as well, `test` also Qt's libraries without a display.
What is already there is not touched, so a second call only looks. Standard library only: it runs before
anything is installed, and parses on Pythons older than the one it then looks for.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
LOCKS = ROOT / "packaging" / "locks"
STAMP = VENV / "grokdesk-ready.json"
NEEDED = (3, 11)
LINUX = sys.platform.startswith("linux")

LOCK_FOR = {"run": "runtime.txt", "lint": "dev.txt", "test": "dev.txt"}

BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")

# Library → Debian package: what Qt's wheel expects from the system, tried on a minimal Debian 12.
QT = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
}
QT_X11 = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
QT_WAYLAND = {"libwayland-cursor.so.0": "libwayland-cursor0", "libwayland-egl.so.1": "libwayland-egl1"}

# File → Debian package: without these some tests skip themselves or see boxes instead of letters.
FOR_TESTS = {
    "/usr/bin/Xvfb": "xvfb",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf": "fonts-noto-core",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc": "fonts-noto-cjk",
}


class Missing(Exception):
    """Something this script cannot provide; the text tells a person what to do."""


def main(purpose: str) -> None:
    """Make everything ready for `purpose`."""
    system_packages(purpose)
    if not is_ready(purpose):
        with one_at_a_time():
            if not is_ready(purpose):
                make_venv()
                install(purpose)
                remember(
                    locks={**stamped().get("locks", {}), LOCK_FOR[purpose]: fingerprint(LOCK_FOR[purpose])}
                )
    if purpose == "test":
        remember(extras=True)


# ------------------------------------------------------------------------------------------ system packages


def system_packages(purpose: str) -> None:
    """Install what is missing on Debian and its relatives; say what is missing everywhere else."""
    if not LINUX:
        return
    libraries = libraries_for(purpose)
    needed = missing(libraries)
    if needed or venv_package():
        with certificates_kept():
            apt_install(needed | venv_package())
        if missing(libraries):
            raise Missing(
                "Still missing after the installation: " + ", ".join(sorted(missing(libraries))) + "."
            )
    if purpose == "test" and "extras" not in stamped():
        apt_wish(
            missing(QT_X11) | {package for file, package in FOR_TESTS.items() if not Path(file).exists()}
        )


def libraries_for(purpose: str) -> dict[str, str]:
    """Return the libraries Qt will load. Without a display the program itself runs without Qt."""
    if purpose == "test":
        return QT
    x11, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if purpose == "lint" or not (x11 or wayland):
        return {}
    return {**QT, **(QT_X11 if x11 else {}), **(QT_WAYLAND if wayland else {})}


def missing(libraries: dict[str, str]) -> set[str]:
    """Return the packages of the libraries that cannot be loaded."""
    return {package for library, package in libraries.items() if not can_load(library)}


def can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def venv_package() -> set[str]:
    """Return the package without which no `.venv` can be made: Debian ships ensurepip apart from Python."""
    if python().exists() or importlib.util.find_spec("ensurepip"):
        return set()
    return {f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"}


def apt_install(packages: set[str]) -> None:
    names = " ".join(sorted(packages))
    apt = apt_get()
    if apt is None:
        raise Missing(
            f"this machine lacks packages; please run: sudo apt-get install {names} (Debian's names)."
        )
    say(f"installing {names}")
    done = apt(packages)
    if done.returncode:
        sys.stderr.write(done.stdout)
        raise Missing(f"apt-get could not install {names}.")


def apt_wish(packages: set[str]) -> None:
    """Install what lets the tests see more, where that is possible; its absence stops nothing."""
    names = " ".join(sorted(packages))
    if not packages:
        return
    apt = apt_get()
    if apt is None:
        say(f"some tests would use {names}, which this machine does not have")
        return
    say(f"installing {names} for the tests")
    if apt(packages).returncode:
        # One name this system does not know refuses the whole list.
        failed = [package for package in sorted(packages) if apt({package}).returncode]
        if failed:
            say(f"apt-get could not install {' '.join(failed)}; the tests run without")


@contextlib.contextmanager
def certificates_kept() -> Iterator[None]:
    """Let pip go on with the certificates this machine had.

    python3-venv brings ca-certificates, whose installation writes the system's bundle anew. A company's own
    certificate that somebody had put into that file is gone then, and with it the way to the company's index.
    """
    before = certificates()
    yield
    if before - certificates():
        with tempfile.NamedTemporaryFile("wb", suffix=".pem", delete=False) as kept:
            kept.write(b"".join(sorted(before)))
        atexit.register(Path(kept.name).unlink)
        os.environ["PIP_CERT"] = kept.name


def certificates() -> set[bytes]:
    end = b"-----END CERTIFICATE-----\n"
    try:
        return {part.lstrip() + end for part in BUNDLE.read_bytes().split(end) if part.strip()}
    except OSError:
        return set()


def apt_get() -> Callable[[set[str]], subprocess.CompletedProcess[str]] | None:
    """Return a function that installs packages, or None where there is no apt-get or no right to use it."""
    program, rights = shutil.which("apt-get"), become_root()
    if program is None or rights is None:
        return None
    # Not `sudo NAME=value`, which a policy may refuse; `env` is a program like any other.
    quietly = ["env", "DEBIAN_FRONTEND=noninteractive", program, "-qq", "-o", "DPkg::Lock::Timeout=120"]

    def install(packages: set[str]) -> subprocess.CompletedProcess[str]:
        return spoken([*rights, *quietly, "install", "-y", "--no-install-recommends", *sorted(packages)])

    # A source that cannot be reached is no reason to stop: the others may have everything.
    spoken([*rights, *quietly, "update"])
    return install


def become_root() -> list[str] | None:
    """Return the words to put before a command that needs root, or None where there is no way."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None:
        return None
    if subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return [sudo] if sys.stdin.isatty() and not os.environ.get("CI") else None


# ------------------------------------------------------------------------------------------ Python packages


def is_ready(purpose: str) -> bool:
    """True when `.venv` holds what `purpose` asks for; the developer's lock contains the program's."""
    done = stamped().get("locks", {})
    return python().exists() and any(
        done.get(lock) == fingerprint(lock) for lock in {LOCK_FOR[purpose], LOCK_FOR["test"]}
    )


def stamped() -> dict[str, Any]:
    try:
        stamp: dict[str, Any] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp


def remember(**facts: object) -> None:
    known = stamped()
    if {**known, **facts} != known:
        STAMP.write_text(json.dumps({**known, **facts}))


def fingerprint(lock: str) -> str:
    """Name what an installation depends on: the lock, the project, the folder (scripts hold full paths)."""
    parts = [(LOCKS / lock).read_bytes(), project_tables(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def project_tables() -> bytes:
    """Return the parts of pyproject.toml that change what is installed; lint and test settings do not."""
    import tomllib  # noqa: PLC0415 - Pythons before 3.11 have to get as far as `newer_python`

    tables = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    told = [tables["build-system"], tables["project"], tables["tool"]["hatch"]]
    return json.dumps(told, sort_keys=True).encode()


def python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_venv() -> None:
    if python().exists() and spoken([str(python()), "-m", "pip", "--version"]).returncode == 0:
        return
    say("creating .venv")
    # A child process: in this one ensurepip may have been missing a moment ago.
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False).returncode:
        raise Missing("Python could not create .venv; its own words stand above.")


def install(purpose: str) -> None:
    lock = LOCKS / LOCK_FOR[purpose]
    say(f"installing {lock.relative_to(ROOT)} into .venv")
    pip("install", "--require-hashes", "--prefer-binary", "-r", str(lock))
    pip("install", "--no-deps", "--no-build-isolation", "-e", str(ROOT))


def pip(*words: str) -> None:
    """Run pip with whatever index, proxy and certificates this machine has configured for it."""
    command = [str(python()), "-m", "pip", "-qq", "--no-input", "--disable-pip-version-check", *words]
    if subprocess.run(command, check=False).returncode == 0:
        return
    say("pip failed; trying once more")
    if subprocess.run(command, check=False).returncode:
        raise Missing("pip could not install the dependencies; its own words stand above.")


# --------------------------------------------------------------------------------------------- small things


def spoken(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run `command` and keep what it says for the case that it fails."""
    return subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let two makes started together wait for each other instead of filling one folder at once."""
    try:
        import fcntl  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        yield
        return
    with (ROOT / "pyproject.toml").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    print(f"grokdesk: {text}", file=sys.stderr, flush=True)


def newer_python() -> str | None:
    """Find a Python on the path that is new enough, by asking it."""
    for minor in range(20, NEEDED[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    return None


def with_new_enough_python() -> None:
    if sys.version_info >= NEEDED:
        return
    found = newer_python()
    if found is None:
        raise Missing(f"GrokDesk needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    os.execv(found, [found, *sys.argv])  # noqa: S606 - the same script again, under another Python


if __name__ == "__main__":
    purpose = " ".join(sys.argv[1:])
    if purpose not in LOCK_FOR:
        sys.exit(f"usage: bootstrap.py {'|'.join(LOCK_FOR)}")
    try:
        with_new_enough_python()
        main(purpose)
    except Missing as error:
        sys.exit(f"grokdesk: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
