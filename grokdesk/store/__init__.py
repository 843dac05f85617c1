"""What survives a restart.

`database` opens the file and owns the one writer; `migrations` bring it up to `schema`; `accounts`, `keys`
and `runs` are one repository each, in the terms of `core.ports`. Secrets are sealed before they reach a
statement.
"""
