"""People before a browser: one window, in which now one person and now another is signed in, at a moment of the story."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import zxingcpp
from PIL import Image

from infra.demo.client import Service
from infra.demo.telling import WAIT_SECONDS
from tests.support.browser import Browser

_FILL = """
const [name, value] = arguments;
const fields = [...document.querySelectorAll(`[name="${name}"]`)].filter((one) => one.type !== "hidden");
if (!fields.length) return `no field ${name}`;
const boxes = fields.filter((one) => ["checkbox", "radio"].includes(one.type));
if (boxes.length) {
  const wanted = [].concat(value).map(String);
  for (const one of boxes) one.checked = wanted.includes(one.value);
  return "";
}
const all = Array.isArray(value) ? value : [value];
for (const [place, one] of all.entries()) {
  if (!fields[place]) return `no place ${place} in ${name}`;
  for (let above = fields[place].closest("details"); above; above = above.parentElement.closest("details")) above.open = true;
  fields[place].value = one;
  if (fields[place].value !== String(one)) return `${name} does not take ${one}`;
  fields[place].dispatchEvent(new Event("input", { bubbles: true }));
  fields[place].dispatchEvent(new Event("change", { bubbles: true }));
}
return "";
"""
_PRESS = """
const [text, within] = arguments;
const named = (one) => [one.textContent.trim(), one.getAttribute("aria-label") || ""];
const all = [...document.querySelectorAll("button, summary, a.button, [role=button]")].filter((one) => named(one).includes(text));
const found = within ? all.filter((one) => one.closest("section, tr, li, article, form").innerText.includes(within) || (one.getAttribute("aria-label") || "").includes(within)) : all;
if (!found.length) return null;
for (let above = found[0].closest("details"); above; above = above.parentElement.closest("details")) above.open = true;
return found[0];
"""
_NEW_PAGE = "!document.documentElement.dataset.before && document.readyState === 'complete'"
_OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


class People:
    """A window and those who take turns in it."""

    def __init__(self, window: Browser, service: Service, pictures: Path) -> None:
        self.window, self.service, self.pictures = window, service, pictures
        self.passwords = {one["account"]: one["password"] for one in service.stack["accounts"]}
        self._cookies: dict[str, list[Mapping[str, Any]]] = {}
        self._who = ""
        self.shown = 0

    @property
    def root(self) -> str:
        """Give where the service is."""
        return str(self.service.stack["api_url"])

    def at(self, moment: datetime) -> None:
        """Let everybody believe in a moment."""
        self.service.clock = moment
        self.window.devtools("Network.setExtraHTTPHeaders", headers={"X-Local-Now": moment.isoformat()})

    def become(self, account: str) -> None:
        """Hand the window to somebody: the first time they sign in, later their session is still there."""
        if self._who == account:
            return
        self._leave()
        self._who = account
        if account in self._cookies:
            for one in self._cookies[account]:
                self.window.devtools("Network.setCookie", **one)
            return
        self.window.go(f"{self.root}/console?lang=zh")
        self.window.type("#account", account)
        self.window.type("#password", self.passwords[account])
        self.window.press("button[value='sign_in']")
        self.window.until("document.querySelector('nav.areas')")

    def _leave(self) -> None:
        kept = ("name", "value", "domain", "path", "httpOnly", "secure", "sameSite")
        if self._who:
            told = self.window.devtools("Network.getAllCookies")["cookies"]
            self._cookies[self._who] = [{name: one[name] for name in kept if name in one} for one in told]
        self.window.devtools("Network.clearBrowserCookies")

    def nobody(self) -> None:
        """Leave the window without anybody signed in."""
        self._leave()
        self._who = ""

    def hold_card(self, person: Any) -> None:
        """Hand the window to a holder, whose card opens the page."""
        self.nobody()
        claims = self.service.assertion(sub=person.id_number, name=person.name)
        self.window.go("about:blank")
        self.window.go(f"{self.root}/card?lang=zh#assertion={claims}")
        self.window.until("document.querySelector('#work h2')")

    def open(self, path: str) -> None:
        """Open a page of staff."""
        self.window.go(f"{self.root}/console{'/' + path if path else ''}")
        self.look()

    def look(self) -> None:
        """See that a page is one, and none that runs out of the window."""
        title = self.window.run("return document.title")
        assert "500" not in title, self.window.text
        assert self.window.run(_OVERFLOW) <= 0, f"wider than the window: {self.window.address}"

    def fill(self, **typed: Any) -> None:
        """Type into fields by name."""
        for name, value in typed.items():
            told = self.window.run(_FILL, name.replace("__", "."), value)
            assert not told, f"{told} on {self.window.address}\n{self.window.text[:1500]}"

    def press(self, text: str, within: str = "", *, asks: str = "") -> None:
        """Press a button by its words; where it asks first, say yes."""
        button = self.window.run(_PRESS, text, within)
        assert button, f"no button {text} {within} on {self.window.address}\n{self.window.text[:2500]}"
        self.window.run("document.documentElement.dataset.before = 'yes'")
        (element,) = button.values()
        self.window._do("POST", f"/element/{element}/click", {})
        if asks:
            assert asks in self.window.accept()

    def done(self, words: str) -> None:
        """Wait until the page says that it is done."""
        self.window.until(
            f"{_NEW_PAGE} && (document.getElementById('done') || document.getElementById('problem'))"
        )
        told = self.window.text
        assert f"已办理：{words}" in told, told[:2500]
        self.look()

    def refused(self, words: str) -> None:
        """Wait until the page says why not."""
        self.window.until(f"{_NEW_PAGE} && document.getElementById('problem')")
        told = self.window.run("return document.getElementById('problem').innerText")
        assert words in told, told

    def sees(self, *words: str) -> None:
        """Wait until words stand on the page."""
        for one in words:
            self.window.until(f"document.body.innerText.includes({one!r})", seconds=20)

    def until_shown(self, path: str, words: str, *, else_look_at: Sequence[str] = ()) -> None:
        """Open a page again and again until words stand on it: what is done beside takes its time.

        A worker's message waits behind those of every division, so this waits as long as the demo does. Where
        the words never come, the other pages are read out: they tell what stood against it.
        """
        ends = time.monotonic() + WAIT_SECONDS
        while True:
            self.open(path)
            if words in self.window.text:
                return
            if time.monotonic() > ends:
                told = [self.window.text[:2000]]
                for other in else_look_at:
                    self.open(other)
                    told.append(self.window.text[:4000])
                raise AssertionError("\n\n".join(told))
            time.sleep(0.3)

    def stand_at(self, lng: float, lat: float, *, accuracy: float = 12) -> None:
        """Put the phone somewhere, and let the page ask where."""
        self.window.devtools("Browser.grantPermissions", permissions=["geolocation"])
        self.window.devtools(
            "Emulation.setGeolocationOverride", longitude=lng, latitude=lat, accuracy=accuracy
        )

    def follow(self, text: str, within: str = "") -> None:
        """Go where a link leads: the first with these words, in the row that has those."""
        link = self.window.run(
            "const [text, within] = arguments;"
            "return [...document.querySelectorAll('main a, nav.tabs a')].find((one) => one.innerText.includes(text)"
            " && (!within || one.closest('tr, li, section').innerText.includes(within)))?.href",
            text,
            within,
        )
        assert link, f"no link {text} {within} on {self.window.address}\n{self.window.text[:2000]}"
        self.window.go(link)
        self.look()

    def link(self, part: str) -> str:
        """Give the address of the first link that has this part."""
        found = self.window.run(
            "return [...document.querySelectorAll('main a')].find((one) => one.href.includes(arguments[0]))?.href",
            part,
        )
        assert found, f"no link to {part} on {self.window.address}\n{self.window.text[:2000]}"
        return str(found)

    def figure(self, label: str) -> float:
        """Give the figure under a label in yuan; 0 where there is none."""
        told = self.window.run(
            "return [...document.querySelectorAll('.figures small')].find((one) => one.textContent === arguments[0])"
            "?.parentElement.querySelector('.big').textContent",
            label,
        )
        return float((told or "0").replace(",", ""))

    def shot(self, name: str) -> None:
        """Keep pictures of the page, light and dark."""
        self.shown += 1
        for dark in (False, True):
            self.window.colours(dark=dark)
            look = "dark" if dark else "light"
            self.window.shot(self.pictures / look / f"{self.shown:02d}-{name}.png")
        self.window.colours(dark=False)

    def code_shown(self) -> str:
        """Read the code on the holder's screen, as a scanner does."""
        self.window.until("document.querySelector('.qr img')")
        place = self.window.run(
            "const box = document.querySelector('.qr img').getBoundingClientRect();"
            "return [box.x + scrollX, box.y + scrollY, box.width, box.height]"
        )
        taken = self.window.devtools(
            "Page.captureScreenshot",
            format="png",
            captureBeyondViewport=True,
            clip={
                "x": place[0] - 8,
                "y": place[1] - 8,
                "width": place[2] + 16,
                "height": place[3] + 16,
                "scale": 2,
            },
        )
        read = zxingcpp.read_barcodes(Image.open(io.BytesIO(base64.b64decode(taken["data"]))))
        assert len(read) == 1
        return str(read[0].text)
