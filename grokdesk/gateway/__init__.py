"""HTTP in: clients reach the engine through here.

`server` starts and stops listening, `routes` is the whole URL table, `exchange` what is known of one request
while it is answered. `failures` is the one middleware: host and origin (`auth`), the failure in the client's
format, the line in the log. `converse` holds a conversation in any dialect, `pump` writes its stream;
`health` and `models` are what is left. `ports` says what the gateway needs of the rest of the program.
"""
