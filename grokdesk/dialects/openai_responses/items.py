"""Items: what a conversation is made of, as clients send them and as they are kept.

The id of an item begins with its kind and the id of the response it came with, so that a reference to an item
says where to look for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

Item = dict[str, Any]  # the JSON of a client or of ours; `schema` says what is read of it

RESPONSE: Final = "resp_"
MESSAGE: Final = "msg_"
REASONING: Final = "rs_"
CALL: Final = "fc_"
CUSTOM_CALL: Final = "ctc_"
SEARCH: Final = "ws_"
COMPACTION: Final = "cmp_"

_PREFIXES: Final = {
    "message": MESSAGE,
    "reasoning": REASONING,
    "function_call": CALL,
    "function_call_output": "fco_",
    "custom_tool_call": CUSTOM_CALL,
    "custom_tool_call_output": "ctco_",
    "compaction": COMPACTION,
    "web_search_call": SEARCH,
}
_OTHER_PREFIX: Final = "item_"
_OWNED: Final = re.compile(r"[a-z]+_([0-9A-Za-z]+)_i?[0-9]+")


def item_id(prefix: str, owner: str, index: int) -> str:
    """Return the id of item number `index` of the answer with the stamp `owner`."""
    return f"{prefix}{owner}_{index}"


def response_of(reference: str) -> str:
    """Return the id of the response that an item came with, or nothing when its id does not say."""
    found = _OWNED.fullmatch(reference)
    return RESPONSE + found[1] if found else ""


def is_reference(item: Mapping[str, Any]) -> bool:
    """Whether an item only names another one."""
    kind = item.get("type")
    return kind == "item_reference" or (kind is None and "role" not in item and "id" in item)


def listed(given: object, owner: str, known: Mapping[str, Item]) -> list[Item]:
    """Return the `input` of a request as complete items: with types and ids, text in parts.

    References become the items in `known`; `owner` is the stamp of the answer to the request.
    """
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    items: list[Item] = given if isinstance(given, list) else []
    return [
        known[item["id"]] if is_reference(item) else _complete(item, owner, index)
        for index, item in enumerate(items)
    ]


def found(wanted: Iterable[str], texts: Iterable[str]) -> dict[str, Item]:
    """Return the items with the ids `wanted` in arrays of items, by id."""
    ids = set(wanted)
    return {item["id"]: item for text in texts for item in orjson.loads(text) if item.get("id") in ids}


def output_of(answer: str) -> str:
    """Return the array of output items of a kept answer."""
    return orjson.dumps(orjson.loads(answer)["output"]).decode()


def page(items: Sequence[Item], *, limit: int, after: str, newest_first: bool) -> bytes:
    """Return the list of `items` that a client pages through. An unknown `after` gives an empty page."""
    ordered = list(reversed(items)) if newest_first else list(items)
    if after:
        at = next((at for at, item in enumerate(ordered) if item["id"] == after), len(ordered))
        ordered = ordered[at + 1 :]
    shown = ordered[:limit]
    return orjson.dumps(
        {
            "object": "list",
            "data": shown,
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
            "has_more": len(ordered) > limit,
        }
    )


def _complete(item: Item, owner: str, index: int) -> Item:
    kind = item.get("type") or "message"
    prefix = _PREFIXES.get(kind, _OTHER_PREFIX)
    whole: Item = {**item, "id": item.get("id") or f"{prefix}{owner}_i{index}", "type": kind}
    if kind == "message":
        whole["status"] = item.get("status") or "completed"
        if isinstance(item.get("content"), str):
            whole["content"] = [_text(item["content"], item.get("role"))]
    elif kind in {"function_call_output", "function_call", "custom_tool_call", "custom_tool_call_output"}:
        whole["status"] = item.get("status") or "completed"
    return whole


def _text(text: str, role: object) -> Item:
    if role == "assistant":
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "input_text", "text": text}
