"""A string that does not print itself."""

from __future__ import annotations

from typing import Final, Self

_SHOWN: Final = 4


class Secret:
    """Holds a token, cookie, key or password in memory.

    `str`, `repr`, `format` and logging show at most the last four characters. `reveal` gives the value; it is
    called where the value goes on the wire or to its owner's clipboard, and nowhere else.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the plain value."""
        return self._value

    @property
    def tail(self) -> str:
        """The last four characters, or nothing when the value is so short that they would give it away."""
        return self._value[-_SHOWN:] if len(self._value) >= 3 * _SHOWN else ""

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"Secret(…{self.tail})"

    def __str__(self) -> str:
        return f"…{self.tail}"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not pickled")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self
