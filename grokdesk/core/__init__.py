"""What GrokDesk talks about: pure values and pure decisions.

A *request* (`conversation`) is executed into a stream of *events* (`events`). An *account* (`accounts`) is
chosen by the *pool* (`pool`), reached through an *egress* (`egress`), and every failure is one of the errors
in `errors`. Nothing here reads a clock, a file, a socket or a random source: all of that is handed in.
"""
