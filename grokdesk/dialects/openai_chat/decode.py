"""Chat Completions body → request.

What a body says about *content* is understood or refused by name; what it says about *tuning* that upstream
does not have is checked where OpenAI checks it, and otherwise ignored.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from grokdesk.core.conversation import AnswerForm, ChatRequest, Limits, Thinking
from grokdesk.core.errors import Unsupported
from grokdesk.dialects import reading, wishes
from grokdesk.dialects.json_text import json_text
from grokdesk.dialects.openai_chat import schema, tools
from grokdesk.dialects.openai_chat.asked import ChatAsked
from grokdesk.dialects.openai_chat.history import messages


def decode(body: bytes) -> ChatAsked:
    """Read a body.

    Raises `InvalidRequest` with the dotted path of the first wrong member, as in `messages.0.role`, and
    `Unsupported` for content that cannot be passed on.
    """
    completion = reading.read(schema.Completion, body)
    _refuse_speech(completion)
    offered = tools.offered(completion)
    return ChatAsked(
        request=ChatRequest(
            model=completion.model,
            messages=messages(completion.messages),
            thinking=_thinking(completion),
            limits=Limits(max_tokens=_max_tokens(completion), stop=stop_words(completion.stop)),
            tools=offered,
            tool_choice=tools.choice(completion, offered),
            answer=_answer(completion.response_format),
            image=wishes.image(completion),
            video=wishes.video(completion),
        ),
        stream=bool(completion.stream),
        choices=completion.n or 1,
        include_usage=bool(completion.stream_options and completion.stream_options.include_usage),
        as_function=bool(completion.functions),
        keep=_keep(completion),
    )


def stop_words(stop: schema.StopWords) -> tuple[str, ...]:
    """Return the sequences of either form of `stop`."""
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def _thinking(completion: schema.Completion) -> Thinking:
    nested = completion.reasoning.effort if completion.reasoning else None
    match completion.reasoning_effort or nested:
        case None:
            return Thinking.DEFAULT
        case schema.Effort.NONE:
            return Thinking.HIDDEN
        case _:
            return Thinking.SHOWN


def _max_tokens(completion: schema.Completion) -> int | None:
    newer = completion.max_completion_tokens
    return completion.max_tokens if newer is None else newer


def _answer(wanted: schema.ResponseFormat | None) -> AnswerForm:
    if wanted is None or wanted.type == "text":
        return AnswerForm()
    if wanted.type == "json_object":
        return AnswerForm(json=True)
    form = wanted.json_schema
    if form is None:
        raise reading.required("response_format.json_schema")
    tools.check_name(form.name, "response_format.json_schema.name")
    text = json_text(form.definition, "response_format.json_schema.schema") if form.definition else ""
    return AnswerForm(json=True, schema=text, name=form.name)


def _keep(completion: schema.Completion) -> Mapping[str, str] | None:
    if not completion.store:
        return None
    try:
        return schema.Keeping.model_validate({"metadata": completion.metadata}).metadata or {}
    except ValidationError as error:
        raise reading.explained(error) from None


def _refuse_speech(completion: schema.Completion) -> None:
    for name, asked in (
        ("modalities", "audio" in (completion.modalities or ())),
        ("audio", completion.audio),
    ):
        if asked:
            raise Unsupported("Spoken answers are not supported by this version of the gateway.", param=name)
