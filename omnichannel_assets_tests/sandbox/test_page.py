"""The sandbox's page: what a person sees of what came, whatever came."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets.sandbox.inbox import append
from omnichannel_assets.sandbox.overview import NEWEST, PEOPLE, Watch
from omnichannel_assets.sandbox.page import page
from omnichannel_assets_tests.end_to_end.browsing import missing_browser, open_browser
from omnichannel_assets_tests.sandbox.running import post

HOSTILE = ["<script>document.title='owned'</script>", "</pre><img src=x onerror=alert(1)>", "\"'><style>*{display:none}</style>", "a\u202eb\x00c", "x" * 5_000]


def member(number: int, value: object = True, **more: object) -> dict[str, object]:
    return {"type": "identify", "userId": f"u{number}", "messageId": f"m{number}-{value}", "traits": {"win_back": value, **more}}


def shown(sandbox: Sandbox) -> str:
    return requests.get(sandbox.url, timeout=5).text


def test_hostile_values_are_only_text_and_the_page_may_load_and_run_nothing(sandbox: Sandbox) -> None:
    for number, value in enumerate(HOSTILE):
        post(sandbox, "batch", {"batch": [{"type": "identify", "userId": value, "messageId": f"m{number}", "traits": {value[:900]: True, "note": value}}]})
        post(sandbox, "track", {"event": "", "userId": value})
    answer = requests.get(sandbox.url, timeout=5)
    assert "<script" not in answer.text and "<img" not in answer.text and answer.text.count("<style") == 1
    assert "\u202e" not in answer.text and "\x00" not in answer.text and "\\u202e" in answer.text and "&lt;script&gt;" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in answer.headers["Content-Security-Policy"]


def test_who_is_in_a_campaign_and_who_was_taken_out(sandbox: Sandbox) -> None:
    post(sandbox, "batch", {"batch": [member(1), member(2), member(3), member(2, False), member(3, "yes")]})
    post(sandbox, "batch", {"batch": [member(1, False) | {"messageId": "m1-True"}]})
    text = shown(sandbox)
    assert "win_back: 2 people in it, 1 taken out" in text and "<li>u1</li>" in text and "<li>u3</li>" in text and "<li>u2</li>" not in text


def test_whatever_service_keeps_its_files_there_is_shown_with_its_jobs_and_faults(sandbox: Sandbox) -> None:
    append(sandbox.folder / "carrier_pigeon.jsonl", [{"id": "p1"}, {"id": "p2", "is_duplicate": True}])
    append(sandbox.folder / "carrier_pigeon_rejected.jsonl", [{"why": "too heavy"}])
    (sandbox.folder / "carrier_pigeon_state.json").write_text('{"job": {"arn:1": {"jobName": "flight-1", "status": "CREATE FAILED"}}}')
    sandbox.faults.add("segment", "error", count=7, operation="batch")
    text = shown(sandbox)
    assert "accepted by carrier_pigeon" in text and "too heavy" in text and "flight-1" in text and "CREATE FAILED" in text
    assert "segment.batch:error,count=7 (0 requests so far)" in text


def test_the_page_of_a_large_inbox_is_not_larger_and_counts_what_was_added_and_taken_away(tmp_path: Path) -> None:
    records = [{"type": "identify", "userId": f"u{number}", "traits": {"win_back": True}, "is_duplicate": False} for number in range(3_000)]
    watch = Watch(tmp_path)
    append(tmp_path / "segment.jsonl", records[:2_000])
    before = page(watch.look())
    append(tmp_path / "segment.jsonl", records[2_000:])
    seen = watch.look()
    assert (seen.profiles, seen.services[0].accepted, seen.campaigns[0].members) == (3_000, 3_000, 3_000)
    assert [message["userId"] for message in seen.services[0].newest] == [f"u{number}" for number in range(2_999, 2_999 - NEWEST, -1)]
    assert len(seen.campaigns[0].people) == PEOPLE and abs(len(page(seen)) - len(before)) < 1_000
    (tmp_path / "segment.jsonl").unlink()
    append(tmp_path / "segment.jsonl", records[:1])
    assert (watch.look().profiles, watch.look().services[0].accepted) == (1, 1)


def test_an_empty_sandbox_has_a_page(sandbox: Sandbox) -> None:
    assert "What the channels received" in shown(sandbox)


@pytest.mark.skipif(bool(missing_browser()), reason=missing_browser())
def test_a_browser_shows_the_counts_in_both_themes_and_nothing_wider_than_a_telephone(sandbox: Sandbox, tmp_path: Path) -> None:
    post(sandbox, "batch", {"batch": [member(number, note=HOSTILE[number % 5]) for number in range(12)]})
    post(sandbox, "track", {"userId": "refused-person"})

    class Site:
        """The sandbox, as the browser's helper wants a site."""

        @staticmethod
        def url(path: str) -> str:
            return sandbox.url + path

    with open_browser(Site(), tmp_path / "profile") as pages:  # type: ignore[arg-type]
        text = pages.open("/", "win_back: 12 people in it")
        assert "accepted by segment" in text and "people at Segment" in text and pages.driver.title == "Sandbox: what the channels received"
        grounds = []
        for theme in ("light", "dark"):
            pages.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]})
            grounds.append(pages.driver.execute_script("return getComputedStyle(document.body).backgroundColor"))
        assert grounds[0] != grounds[1]
        pages.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False})
        pages.driver.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert pages.driver.execute_script("return document.documentElement.scrollWidth") == 390
