"""Function tools and JSON mode for upstreams that have neither; pure.

The *prompt* puts a request's tools, or the schema of the wanted JSON, into words. What comes back is read by
the *sieve*, piece by piece, or by *parse* when the text is complete; both use one *grammar*, which knows
every way models bend the form they were shown, and *repair*, which reads JSON as models write it. Then
*arguments* are fitted to a tool's schema, and *structured* finds and fits the JSON of an answer.

Two rules hold everywhere: what is not a call stays text, unchanged and in order, and nothing a client said is
required is ever invented.

A caller's day: `tool_block` goes in front of the conversation, a `Sieve` reads the answer, `accepted` settles
each call, and `must_call_reminder` or `Misfit.problem` says what to ask again. Names and ids are the
caller's: ids are made by the `new_id` it hands in, in its dialect's style. The arguments of a custom (free
text) tool are always `{"input": "<text>"}`.
"""
