"""Public formats: what clients say, as requests; what a run says, as their bytes. Pure.

A *dialect* (`base`) decodes a body into an `Asked` and gives an *encoder* that turns events into frames,
renders folded runs as one body, and words failures. Each format has a folder with `schema`, `decode` and
`encode`; what they share lies beside this file:

* on the way in: `body` is what schemas are made of, `reading` puts a body into one or says what is wrong with
  it, `media` reads files, `history` leaves out messages that say nothing;
* on the way out: `blocks` groups events into items that open and close, `sse` writes frames, `search_sources`
  tells what was consulted, `failures` what went wrong; `json_text` is JSON as text, both ways;
* of OpenAI's formats only: `openai_tools`, `openai_answers`, and `openai_errors`, their table and envelope.

Pictures and films have no dialect of that shape: `openai_images` and `openai_videos` read requests and tell
what was made, `references` reads the pictures they begin with, `form_fields` those that come as forms, and
`openai_media` words failures. `wishes` is what conversations say about them.

`models` is the list of models.
"""
