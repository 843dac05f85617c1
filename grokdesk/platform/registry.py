"""The current user's part of the Windows registry."""

from __future__ import annotations

import sys
from typing import Protocol


class Registry(Protocol):
    """Values by key and name, below HKEY_CURRENT_USER. Raises `OSError` when something cannot be written."""

    def read(self, key: str, name: str) -> str | bytes | None:
        """The value; None when there is none."""
        ...

    def write(self, key: str, name: str, value: str) -> None:
        """Put a text there; the key is made when it is missing. An empty `name` is the key's own value."""
        ...

    def remove(self, key: str, name: str) -> None:
        """Take a value away, if it is there."""
        ...

    def remove_key(self, key: str) -> None:
        """Take a key without keys below it away, if it is there."""
        ...


class WindowsRegistry:
    """The real one. Anywhere but on Windows it holds nothing."""

    def read(self, key: str, name: str) -> str | bytes | None:
        if sys.platform == "win32":
            import winreg  # noqa: PLC0415 - exists there only

            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
                    value = winreg.QueryValueEx(opened, name)[0]
            except OSError:
                return None
            return value if isinstance(value, str | bytes) else None
        return None

    def write(self, key: str, name: str, value: str) -> None:
        if sys.platform == "win32":
            import winreg  # noqa: PLC0415 - exists there only

            with winreg.CreateKey(winreg.HKEY_CURRENT_USER, key) as opened:
                winreg.SetValueEx(opened, name, 0, winreg.REG_SZ, value)

    def remove(self, key: str, name: str) -> None:
        if sys.platform == "win32":
            import winreg  # noqa: PLC0415 - exists there only

            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key, 0, winreg.KEY_SET_VALUE) as opened:
                    winreg.DeleteValue(opened, name)
            except FileNotFoundError:
                return

    def remove_key(self, key: str) -> None:
        if sys.platform == "win32":
            import winreg  # noqa: PLC0415 - exists there only

            try:
                winreg.DeleteKey(winreg.HKEY_CURRENT_USER, key)
            except FileNotFoundError:
                return
