"""The pages in Debian's Chromium, wide and on a phone, light and dark: pictures are kept under `.build/pages`."""

import os
from pathlib import Path

import pytest
from PIL import Image

from tests.console.staff.test_every_page import busy  # noqa: F401 - the fixture
from tests.support import browser
from tests.support.browser import PHONE, WIDE, Browser, served
from tests.support.pages import COOKIE, Visitor

pytestmark = pytest.mark.skipif(not browser.is_there(), reason="Chromium and its driver are not installed")
PICTURES = Path(__file__).parents[3] / ".build/pages"
KEPT = Path(__file__).parents[3] / "infra/screenshots"
FOR_README = {
    "clerk-in_tray.png": "in_tray.png",
    "clerk-classes_scored_attendance.png": "attendance.png",
    "supervisor-cases_one.png": "case.png",
    "clerk-claims_one.png": "claim.png",
}
"""Those that README shows: SCREENSHOTS=1 writes them anew."""
KEPT_BYTES_MAX = 400_000
LOOKS = {
    "wide": (WIDE, False),
    "wide_dark": (WIDE, True),
    "phone": (PHONE, False),
    "phone_dark": (PHONE, True),
}
SHOWN = {
    "clerk": [
        "",
        "classes",
        "classes/{applied}",
        "classes/{scored}/attendance",
        "claims/{claim}",
        "accounts",
        "institutions",
        "institutions/new",
        "search",
        "classes/{scored}/claim",
        "clients",
        "enrolments",
        "classes?named=没有这样的班",
    ],
    "reviewer": ["claims"],
    "finance": ["money", "holds", "statements", "payees"],
    "supervisor": [
        "",
        "objections",
        "reports",
        "reports/idle",
        "reports/holds",
        "reports/ratings",
        "cases",
        "cases/{case}",
        "inspections",
        "inspections/{inspection}",
        "classes/{scored}/history",
        "lookups",
    ],
    "institution": ["/scan", "desk", "desk/class", "classes/{scored}/claim", "enrolments"],
    "province": [
        "",
        "projects",
        "lists",
        "vouchers",
        "classes",
        "claims",
        "objections",
        "accounts",
        "deliveries",
        "/public",
        "/help",
    ],
}


@pytest.mark.parametrize("look", LOOKS)
def test_pages_look_right_and_complain_of_nothing(api, world, busy, look):  # noqa: F811
    size, dark = LOOKS[look]
    known = {"applied": busy["applied"], "scored": busy["scored"], "claim": busy["claim"]["id"]}
    known |= {"case": busy["case"], "inspection": busy["inspection"]}
    with served(api, at=world.now) as home, Browser.open(size=size, dark=dark) as window:
        window.go(f"{home}/console")
        window.shot(PICTURES / look / "sign_in.png")
        for role, places in SHOWN.items():
            window.cookie(COOKIE, Visitor(api, role).cookie)
            for place in places:
                within = "" if place.startswith("/") else "/console" + ("/" if place else "")
                path = within + place.format(**known)
                window.go(home + path)
                assert "500" not in window.run("return document.title")
                wider = window.run(
                    "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                name = place.format(
                    applied="applied", scored="scored", claim="one", case="one", inspection="one"
                )
                name = name.replace("/", "_").partition("?")[0] + ("_narrowed" if "?" in name else "")
                window.shot(PICTURES / look / f"{role}-{name or 'in_tray'}.png")
                if "SCREENSHOTS" in os.environ and look == "wide":
                    keep_small(PICTURES / look / f"{role}-{name or 'in_tray'}.png")
                assert wider <= 0, f"{path} is wider than the screen by {wider}"
        assert [line for line in window.complaints() if "favicon" not in line] == []


def keep_small(picture):
    """Keep one of the four: the first screen of it, in few colours."""
    if picture.name in FOR_README:
        KEPT.mkdir(exist_ok=True)
        with Image.open(picture) as whole:
            first = whole.convert("RGB").crop((0, 0, WIDE[0], min(whole.height, WIDE[1])))
            first.quantize(48).save(KEPT / FOR_README[picture.name], optimize=True)


def test_readme_shows_four_pages_and_they_are_small():
    readme = (KEPT.parents[1] / "README.md").read_text()
    kept = {file.name: file.stat().st_size for file in KEPT.glob("*.png")}
    assert kept.keys() == set(FOR_README.values())
    assert all(f"infra/screenshots/{name}" in readme for name in kept)
    assert sum(kept.values()) < KEPT_BYTES_MAX
