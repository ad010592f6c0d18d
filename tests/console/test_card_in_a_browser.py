"""The trainee's page in Chromium: the code outlives a lost network, greyed meanwhile, and never stops."""

import threading
import time

import pytest

from tests.support import browser
from tests.support.browser import PHONE, Browser, served
from tests.support.keys import card_assertion

pytestmark = pytest.mark.skipif(not browser.is_there(), reason="Chromium and its driver are not installed")
BACK_SECONDS = 5


def test_a_code_outlives_a_lost_network(api, world):
    person = world.person(3)
    world.voucher(person)
    cut = threading.Event()
    with served(api, at=world.now, cut=cut) as home, Browser.open(size=PHONE) as window:
        window.go(f"{home}/card?lang=zh#assertion={card_assertion(person.id_number, person.name)}")
        window.until("[...document.querySelectorAll('button')].some(b => b.textContent === '出示券码')")
        window.run("[...document.querySelectorAll('button')].find(b => b.textContent === '出示券码').click()")
        window.until("document.querySelector('.qr img') || document.querySelector('.qr button')")
        if window.run("return Boolean(document.querySelector('.qr button'))"):
            window.press(".qr button")
            window.until("document.querySelector('.qr img')")
        first = window.run("return document.querySelector('.qr img').src")
        cut.set()
        window.until("document.querySelector('.qr.stale img')", seconds=40)
        assert "网络中断" in window.text
        time.sleep(2)
        cut.clear()
        window.run("window.dispatchEvent(new Event('online'))")
        window.until(
            "!document.querySelector('.qr.stale') && document.querySelector('.qr img')", seconds=BACK_SECONDS
        )
        assert window.run("return document.querySelector('.qr img').src.length") > 100
        assert first
