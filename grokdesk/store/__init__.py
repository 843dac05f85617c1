"""What survives a restart.

`opening` opens the store that the settings name, and gives `Stores`: a repository of each kind in the terms
of the ports, and what several gateways keep together. `contents` copies one store into another.

On SQL, `accounts`, `keys`, `runs`, `responses` and `completions` are one repository each, over the tables of
`schema`, which `migrations` have made. `database` reads, and owns the one writer; `sqlite_file` is the file
in the data folder, `postgresql` and `mysql` are servers. There `journal` numbers changes, `shared_accounts`
merges what several write, and `gateways` keeps leases, the lead and the news. `redis_store` is all of that on
Redis.

Secrets, and what was said, are sealed before they reach a statement.
"""
