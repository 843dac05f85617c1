"""Responses body → request.

What a body says about *content* is understood or refused by name; what it says about *tuning* that upstream
does not have is checked where OpenAI checks it, and otherwise ignored. A body may refer to what was said
before; `read` says to what, the gateway looks it up, and `decode` is given it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import orjson

from grokdesk.core.conversation import AnswerForm, ChatRequest, Limits, Thinking
from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.dialects import reading, wishes
from grokdesk.dialects.base import Asked
from grokdesk.dialects.json_text import json_text
from grokdesk.dialects.openai_responses import history, items, resource, schema, tools
from grokdesk.dialects.openai_responses.history import Known

Kind = TypeVar("Kind", bound=schema.Question)

_NOTHING_KNOWN: Final = Known()


@dataclass(frozen=True, slots=True)
class Wanted(Generic[Kind]):
    """A body that was read. `raw` is its JSON as the client wrote it."""

    question: Kind
    raw: Mapping[str, Any]

    @property
    def previous(self) -> str:
        """The id of the response it continues, or nothing."""
        return self.question.previous_response_id or ""

    @property
    def references(self) -> tuple[str, ...]:
        """The ids of items that it only names."""
        if not isinstance(self.question.input, list):
            return ()
        return tuple(item.id for item in self.question.input if isinstance(item, schema.ReferenceItem))

    def listed(self, owner: str, known: Known) -> list[items.Item]:
        """Return its input as items that can be kept with the answer that has the stamp `owner`."""
        return items.listed(self.raw.get("input"), owner, known.items)


def read(kind: type[Kind], body: bytes) -> Wanted[Kind]:
    """Read a body.

    Raises `InvalidRequest` with the dotted path of the first wrong member, as in `input.0.role`, and
    `Unsupported` for what refers to things that are not kept here.
    """
    question = reading.read(kind, body)
    _refuse_unsupported(question)
    try:
        return Wanted(question, orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The request body is not valid JSON: {error}.") from None


def decode(
    wanted: Wanted[schema.Create], known: Known = _NOTHING_KNOWN, *, may_be_empty: bool = False
) -> Asked:
    """Return what a client asks for, given what it refers to.

    Raises `InvalidRequest` for what cannot be understood and `Unsupported` for what cannot be passed on.
    """
    create = wanted.question
    if create.background and (create.store is False or not known.keeps):
        raise InvalidRequest(
            "A response in the background must be stored.",
            param="background",
            hint="" if known.keeps else "The owner of this gateway keeps none: privacy.keep_responses is 0.",
        )
    request = _request(create, create.model, known)
    if not request.messages and not may_be_empty:
        raise InvalidRequest("There is nothing to answer: 'input' is empty.", param="input")
    return Asked(
        request, stream=bool(create.stream), echo=resource.echo(create, wanted.raw, keeps=known.keeps)
    )


def conversation(wanted: Wanted[Kind], model: str, known: Known = _NOTHING_KNOWN) -> ChatRequest:
    """Return the request that a body of another call is about. Raises as `decode` does."""
    return _request(wanted.question, model, known)


def _request(question: schema.Question, model: str, known: Known) -> ChatRequest:
    offered = tools.offered(question.tools or ())
    limit = question.max_output_tokens if isinstance(question, schema.Create) else None
    return ChatRequest(
        model=model,
        messages=history.messages(question, known),
        thinking=_thinking(question.reasoning),
        limits=Limits(max_tokens=limit),
        tools=offered,
        tool_choice=tools.choice(question, offered),
        answer=_form(question.text),
        image=wishes.image(question),
        video=wishes.video(question),
    )


def _thinking(reasoning: schema.Reasoning | None) -> Thinking:
    if reasoning is None:
        return Thinking.DEFAULT
    summary = reasoning.summary or reasoning.generate_summary
    if "none" in {reasoning.effort, summary}:
        return Thinking.HIDDEN
    return Thinking.SHOWN if reasoning.effort or summary else Thinking.DEFAULT


def _form(text: schema.TextConfig | None) -> AnswerForm:
    form = text.format if text else None
    match form:
        case None | schema.Format(type="text"):
            return AnswerForm()
        case schema.Format(type="json_object"):
            return AnswerForm(json=True)
        case schema.Format():
            for name, given in (("name", form.name), ("schema", form.json_schema)):
                if given is None:
                    raise reading.required(f"text.format.{name}")
            return AnswerForm(
                json=True,
                schema=json_text(form.json_schema, "text.format.schema"),
                name=form.name or "",
            )


def _refuse_unsupported(question: schema.Question) -> None:
    if question.conversation is not None:
        raise Unsupported(
            "Conversations are not kept by this gateway.",
            param="conversation",
            hint="Continue with 'previous_response_id'.",
        )
    if question.prompt is not None:
        raise Unsupported(
            "Prompts are not kept by this gateway.", param="prompt", hint="Send its text as 'instructions'."
        )
