"""docs/from-grok2api.md says of every setting of grok2api what became of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from grokdesk.core.setting_fields import fields

PAGE: Final = Path(__file__).parents[1] / "docs" / "from-grok2api.md"

# All keys of grok2api 2.0.4, as its shipped file has them, and the one that it reads without shipping it.
KEYS: Final = """
app.app_key app.app_url app.api_key app.webui_enabled app.webui_key logging.file_level logging.max_files
features.temporary features.memory features.stream features.thinking features.auto_chat_mode_fallback
features.thinking_summary features.dynamic_statsig features.enable_nsfw features.show_search_sources
features.custom_instruction features.image_format features.imagine_public_image_proxy features.video_format
cache.local.image_max_mb cache.local.video_max_mb proxy.egress.mode proxy.egress.proxy_url
proxy.egress.proxy_pool proxy.egress.resource_proxy_url proxy.egress.resource_proxy_pool
proxy.egress.skip_ssl_verify proxy.clearance.mode proxy.clearance.cf_cookies proxy.clearance.cf_clearance
proxy.clearance.user_agent proxy.clearance.browser proxy.clearance.flaresolverr_url
proxy.clearance.timeout_sec proxy.clearance.refresh_interval retry.max_retries retry.on_codes
retry.reset_session_status_codes account.refresh.enabled account.refresh.basic_interval_sec
account.refresh.super_interval_sec account.refresh.heavy_interval_sec account.refresh.usage_concurrency
account.refresh.on_demand_min_interval_sec account.selection.max_inflight chat.timeout image.timeout
image.stream_timeout video.timeout voice.timeout asset.upload_timeout asset.download_timeout
asset.list_timeout asset.delete_timeout nsfw.timeout batch.nsfw_concurrency batch.refresh_concurrency
batch.asset_upload_concurrency batch.asset_list_concurrency batch.asset_delete_concurrency
"""


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[list[str], str]]:
    """What the page says by key: the settings there are now, and the remark."""
    found: dict[str, tuple[list[str], str]] = {}
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and re.fullmatch(r"`[a-z_.]+`", cells[0]):
            found[cells[0].strip("`")] = (re.findall(r"`([a-z_.]+)`", cells[1]), cells[2])
    return found


def test_every_key_of_grok2api_has_its_line(rows: dict[str, tuple[list[str], str]]) -> None:
    """
    Each once, and none that there never was.
    """
    assert sorted(rows) == sorted(KEYS.split())


def test_what_they_became_can_be_set(rows: dict[str, tuple[list[str], str]]) -> None:
    """
    Each leads to a setting that there is, or says why there is none.
    """
    unknown = [name for names, _ in rows.values() for name in names if name not in fields()]
    silent = [key for key, (names, remark) in rows.items() if not names and not remark]

    assert unknown == []
    assert silent == []
