"""A school sends footage from the page of a lesson in Chromium: in parts, over a line that breaks, after a reload."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.local.films import film_of
from tests.e2e.test_footage import LESSON_SECONDS, Film, account, film  # noqa: F401 - the fixture
from tests.support import browser
from tests.support.browser import WIDE, Browser

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.skipif(not browser.is_there(), reason="Chromium and its driver are not installed"),
]
PARTS = 4
LINE = {"offline": False, "latency": 5, "downloadThroughput": -1, "uploadThroughput": 8 * 1024**2}
"""Slow enough to be cut in the middle: a part a second."""


def sign_in(window: Browser, film: Film) -> None:  # noqa: F811
    window.go(f"{film.facts['console_url']}?lang=zh")
    name = account(film.facts, "institution", "340111")
    known = next(one for one in film.facts["accounts"] if one["account"] == name)
    window.type("#account", known["account"])
    window.type("#password", known["password"])
    window.press("button[value='sign_in']")
    window.until("document.querySelector('nav.areas')")


def open_lesson(window: Browser, film: Film, file: Path) -> None:  # noqa: F811
    room = film.school.get("/v1/classes").wanted["items"]
    class_id = next(one["id"] for one in room if film.lesson["id"][4:].startswith(one["id"][4:]))
    window.go(f"{film.facts['console_url']}/classes/{class_id}/{film.lesson['id']}")
    window.type("#camera_id", file.stem)
    window.attach("#film", file)
    window.press("#film-send")


def arrived(film: Film, file: Path) -> list[int]:  # noqa: F811
    path = f"{film.path}/{film.segment(file.stem)['id']}/parts"
    return list(film.school.get(path).wanted["arrived"])


def number_in(address: str) -> str:
    return parse_qs(urlsplit(address).query)["partNumber"][0]


def until_some_have(film: Film, file: Path, count: int) -> None:  # noqa: F811
    ends = time.monotonic() + 30
    while len(arrived(film, file)) < count:
        assert time.monotonic() < ends
        time.sleep(0.1)


def test_a_film_comes_in_parts_over_a_line_that_breaks_and_after_a_reload(
    film: Film,  # noqa: F811
    tmp_path: Path,
) -> None:
    file = tmp_path / "by-browser.mp4"
    whole = film_of(LESSON_SECONDS, "by-browser", size_bytes=(PARTS - 1) * 8 * 1024**2 + 5000)
    file.write_bytes(whole)
    with Browser.open(size=WIDE) as window:
        sign_in(window, film)
        travel: dict[str, Any] = {"headers": {"X-Local-Now": film.ended.isoformat()}}
        window.devtools("Network.setExtraHTTPHeaders", **travel)
        window.devtools("Network.emulateNetworkConditions", **LINE)
        open_lesson(window, film, file)
        window.until("document.getElementById('film-told').innerText.includes('已传')", seconds=30)
        until_some_have(film, file, 1)
        window.devtools("Network.emulateNetworkConditions", **(LINE | {"offline": True}))
        window.until("document.getElementById('film-told').innerText.includes('断')", seconds=20)
        kept = arrived(film, file)
        assert 1 <= len(kept) < PARTS
        window.press("#film-stop")
        window.until("document.getElementById('film-told').innerText.includes('已暂停')")
        window.devtools("Network.emulateNetworkConditions", **LINE)
        window.requested()
        open_lesson(window, film, file)
        window.until("document.getElementById('film-told').innerText.includes('已传')", seconds=30)
        window.devtools("Network.emulateNetworkConditions", **(LINE | {"offline": True}))
        window.until("document.getElementById('film-told').innerText.includes('断')", seconds=20)
        window.devtools("Network.emulateNetworkConditions", **LINE)
        window.until("document.getElementById('done')", seconds=30)
        sent_anew = {number_in(one) for one in window.requested() if "partNumber=" in one}
        assert sent_anew == {str(number) for number in range(1, PARTS + 1) if number not in kept}
    found = film.heard(file.stem, lambda one: one["status"] == "stored")
    assert film.service.download(found["url"]) == whole
