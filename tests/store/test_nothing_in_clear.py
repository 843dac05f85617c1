"""No token, cookie, key, passphrase or proxy password stands in clear in any file of the data folder."""

import logging
from pathlib import Path

import pytest

from grokdesk.core.secret import Secret
from grokdesk.platform import logs
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import no_keyring, unlock
from grokdesk.platform.settings_file import SettingsFile
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.accounts import SqlAccounts
from grokdesk.store.keys import SqlKeys
from grokdesk.store.runs import SqlRuns
from grokdesk.store.sqlite_file import SqliteFile
from tests.store import make

SECRETS = {
    "token": make.token("a"),
    "token of a removed account": make.token("b"),
    "cookie": "clearance-of-a",
    "client key": "gd-key-of-mine",
    "proxy password": "hunter2-for-the-proxy",
    "pasted cookie": "clearance-of-the-egress",
    "fingerprint": "fixed-statsig-value",
    "passphrase": "correct horse battery staple",
}


def found_in(folder: Path) -> dict[str, list[str]]:
    """Return which secrets stand in which files."""
    contents = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {"grokdesk.db", "vault.json", "config.toml", "grokdesk.log"} <= contents.keys()
    return {
        name: [file for file, content in contents.items() if secret.encode() in content]
        for name, secret in SECRETS.items()
        if any(secret.encode() in content for content in contents.values())
    }


@pytest.mark.parametrize("passphrase", [None, Secret(SECRETS["passphrase"])])
async def test_no_secret_stands_in_clear_in_the_data_folder(
    tmp_path: Path, passphrase: Secret | None
) -> None:
    """
    A search of every byte finds none, neither while the database is open nor after.
    """
    paths = Paths.under(tmp_path).create()
    vault = unlock(paths, headless=True, passphrase=passphrase, keyring_backend=no_keyring)
    paths.config_file.write_text(f'[egress]\nproxies = ["socks5://me:{SECRETS["proxy password"]}@proxy:1"]\n')
    file = SettingsFile(paths.config_file, vault=vault)
    log = logs.start(paths, "debug", 1)
    try:
        file.load({}, {})
        file.save(
            {
                "egress.cookies": f"cf_clearance={SECRETS['pasted cookie']}",
                "grok_web.statsig_value": SECRETS["fingerprint"],
            }
        )
        logging.getLogger("careless").error(
            "sent Cookie: sso=%s; cf_clearance=clearance-of-a", make.token("a")
        )
        async with Supervisor() as supervisor, SqliteFile(paths, spawn=supervisor.spawn) as database:
            accounts = SqlAccounts(database, vault)
            await accounts.add(
                [make.account("a", cookies=f"cf_clearance={SECRETS['cookie']}"), make.account("b")]
            )
            await accounts.remove([make.account("b").id], at=1.0)
            await SqlKeys(database, vault).add(make.key("mine"))
            SqlRuns(database).save(make.run("r"))
            await database.flush()
            open_ = found_in(tmp_path)
    finally:
        log.stop()

    assert (open_, found_in(tmp_path)) == ({}, {})
