"""What only a browser shows of typing: drafts end with their use and are their writer's alone; files are chosen first."""

from typing import Any

import pytest

from chalicelib.accounts.access_tokens import write_token
from tests.subsidies.scored import Money, scored_class
from tests.support import browser
from tests.support.browser import Browser, served
from tests.support.pages import COOKIE, Visitor
from tests.support.people import staff_principal

pytestmark = pytest.mark.skipif(not browser.is_there(), reason="Chromium and its driver are not installed")
DRAFTS = "return Object.keys(sessionStorage).filter((key) => key.startsWith('draft '))"


def test_a_used_reason_fills_itself_in_nowhere_and_is_nobody_elses(world: Any) -> None:
    money = Money(world)
    for _ in range(2):
        money.claim(scored_class(world, 1))
    with served(money.api, at=money.now) as home, Browser.open() as window:
        window.go(f"{home}/console")
        window.cookie(COOKIE, Visitor(money.api, "clerk").cookie)
        window.go(f"{home}/console?kind=subsidy_claim")
        window.type("#bulk-reason", "缺发票")
        window.go(f"{home}/console?kind=subsidy_claim")
        assert window.run("return document.getElementById('bulk-reason').value") == "缺发票", "not sent yet"
        window.press("tbody [name=pick]")
        window.press("[value='bulk.return']")
        window.accept()
        window.until("document.getElementById('done')")
        assert window.run(DRAFTS) == [], "it was used"
        window.go(f"{home}/console?kind=subsidy_claim")
        assert window.run("return document.getElementById('bulk-reason').value") == ""
        window.type("#bulk-reason", "只有经办写的")
        window.go(f"{home}/console/search")
        window.type("[name=purpose]", "信访核实")
        assert len(window.run(DRAFTS)) == 2
        window.cookie(COOKIE, Visitor(money.api, "reviewer").cookie)
        window.go(f"{home}/console/search")
        assert window.run("return document.querySelector('[name=purpose]').value") == ""
        assert window.run(DRAFTS) == [], "the next person at this machine finds nothing of it"


def test_a_list_is_sent_once_a_file_is_chosen_and_who_has_to_sign_in_is_led_there(
    api: Any, world: Any, tmp_path: Any
) -> None:
    sheet = tmp_path / "毕业生.csv"
    sheet.write_text("姓名,身份证号\n")
    with served(api, at=world.now) as home, Browser.open() as window:
        window.go(f"{home}/console")
        window.cookie(COOKIE, Visitor(api, "province").cookie)
        window.go(f"{home}/console/lists")
        assert window.run("return document.querySelector('[data-send=list]').disabled")
        window.attach("[data-file]", sheet)
        assert not window.run("return document.querySelector('[data-send=list]').disabled")
        stale = write_token(staff_principal("province"), lifetime_seconds=-600)
        window.cookie(COOKIE, f"visit-province~zh~{stale}~ses_province.x")
        window.press("[data-send=list]")
        window.until("document.querySelector('.answer a')")
        assert "登录已过期" in window.text
        assert "令牌" not in window.text
        window.press(".answer a")
        window.until("document.getElementById('password')")
