"""Public formats: what clients say, as requests; what a run says, as their bytes. Pure.

A *dialect* (`base`) decodes a body into an `Asked` and gives an *encoder* that turns events into frames,
renders folded runs as one body, and words failures. `sse` writes frames, `openai_errors` is the error
envelope of every OpenAI format, `models` the list of models; each format has a folder with `schema`, `decode`
and `encode`.
"""
