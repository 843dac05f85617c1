"""What survives a restart.

`database` opens the file and owns the one writer; `migrations` bring it up to `schema`; `accounts`, `keys`,
`runs` and `responses` are one repository each, in the terms of `core.ports` and `core.responses`. Secrets,
and what was said, are sealed before they reach a statement.
"""
