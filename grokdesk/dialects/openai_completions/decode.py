"""Completions body → request."""

from __future__ import annotations

from grokdesk.core.conversation import ChatRequest, Limits, Message, Role, Text, Thinking
from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.dialects import reading, wishes
from grokdesk.dialects.base import Asked
from grokdesk.dialects.openai_chat.decode import stop_words
from grokdesk.dialects.openai_completions.schema import TextCompletion


def decode(body: bytes) -> Asked:
    """Read a body. Raises `InvalidRequest` with the dotted path of the first wrong member."""
    completion = reading.read(TextCompletion, body)
    prompt = _prompt(completion.prompt)
    return Asked(
        request=ChatRequest(
            model=completion.model,
            messages=(Message(Role.USER, (Text(prompt),)),),
            thinking=Thinking.HIDDEN,
            limits=Limits(max_tokens=completion.max_tokens, stop=stop_words(completion.stop)),
            image=wishes.image(completion),
            video=wishes.video(completion),
        ),
        stream=bool(completion.stream),
        choices=completion.n or 1,
        include_usage=bool(completion.stream_options and completion.stream_options.include_usage),
        echo={"prompt": prompt} if completion.echo else {},
    )


def _prompt(prompts: list[str]) -> str:
    if len(prompts) > 1:
        raise Unsupported(
            "Several prompts in one request are not supported.",
            param="prompt",
            hint="Send a request for each; they are answered side by side.",
        )
    if not prompts[0].strip():
        raise InvalidRequest("There is nothing to complete: 'prompt' is empty.", param="prompt")
    return prompts[0]
