"""HTTP in: clients reach the engine through here.

`server` starts and stops listening, `routes` is the whole URL table, `exchange` what is known of one request
while it is answered. `failures` is the one middleware: host and origin (`auth`), the failure in the client's
format, the line in the log. `converse` holds a conversation in any dialect, `pump` writes its stream.
`images` and `videos` have pictures and films made, `files` sends those that are kept, `form` reads requests
that bring files; `health` and `models` are what is left. `ports` says what the gateway needs of the rest of
the program.
"""
