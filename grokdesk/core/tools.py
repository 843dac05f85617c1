"""Tools that a client offers to the model, and how free the model is to use them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ToolKind(StrEnum):
    """FUNCTION takes a JSON object that fits a schema; CUSTOM takes free text."""

    FUNCTION = "function"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    `schema` is a JSON schema as JSON text, empty when the client gave none (then any object is fine).
    `strict` asks that arguments fit the schema exactly.
    """

    name: str
    description: str = ""
    schema: str = ""
    kind: ToolKind = ToolKind.FUNCTION
    strict: bool = False


class Must(StrEnum):
    """MAY: as the model likes. NOT: no calls. CALL: at least one."""

    MAY = "may"
    NOT = "not"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """How free the model is. `allowed` names the tools it may call, all of them when empty."""

    must: Must = Must.MAY
    allowed: tuple[str, ...] = ()
    parallel: bool = True
