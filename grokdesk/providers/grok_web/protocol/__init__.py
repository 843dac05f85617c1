"""What is said on the wire of grok.com, client side; pure.

*Headers* and *payload* are what we send. An answer arrives as *frames* of the older form (`stream`) or as
messages of the current one (`message_gateway`); both feed one `Answer`, which turns text, thinking, cards and
sources into core events. *Failures* says what a refusal means and whom it blames. *Quota* and *identity* read
what an account is.

Rules come from protocol/grok-web-chat.md; `[old]` and `[cur]` are its names for the two forms. Everything
that varies (time, chance, ids) is handed in, and every decoder keeps one promise: any bytes in any pieces
give the same events or raise `UpstreamError`.
"""
