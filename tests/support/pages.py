"""A visitor of the pages in process: keeps the cookie, reads forms out of the HTML, fills and sends them."""

from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin

from tests.support.http import Answer

COOKIE = "console"


@dataclass
class Form:
    action: str
    id: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    """Collect forms, links, texts, labels and what has no name."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.labelled: set[str] = set()
        self.controls: list[dict[str, str | None]] = []
        self.outside: list[tuple[str, str, str]] = []
        self._form: Form | None = None
        self._area: str | None = None
        self._select: str | None = None
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        facts = dict(attrs)
        if tag == "form":
            self._form = Form(facts.get("action") or "", facts.get("id") or "")
            self.forms.append(self._form)
        if tag == "label" and facts.get("for"):
            self.labelled.add(facts["for"])
        if tag == "a" and facts.get("href"):
            self.links.append(facts["href"])
        if tag in ("input", "textarea", "select") and facts.get("type") != "hidden":
            self.controls.append(facts)
        name = facts.get("name")
        if tag == "input" and name:
            if facts.get("type") in ("checkbox", "radio") and "checked" not in facts:
                return
            self._add(name, facts.get("value") or "", facts.get("form"))
        if tag == "textarea" and name:
            self._area = name
            self._add(name, "", None)
        if tag == "select" and name:
            self._select = name
        if tag == "option" and self._select and self._form is not None:
            known = [one for one, _ in self._form.fields]
            if self._select not in known or "selected" in facts:
                self._form.fields = [pair for pair in self._form.fields if pair[0] != self._select]
                self._form.fields.append((self._select, facts.get("value") or ""))
        if tag == "button" and name and self._form is not None:
            self._form.buttons[facts.get("value") or ""] = facts.get("aria-label") or ""
        if tag in ("script", "style"):
            self._hidden += 1

    def _add(self, name: str, value: str, form: str | None) -> None:
        if form is not None:
            self.outside.append((form, name, value))
        elif self._form is not None:
            self._form.fields.append((name, value))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "textarea":
            self._area = None
        if tag == "select":
            self._select = None
        if tag in ("script", "style"):
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if self._area is not None and self._form is not None:
            name, value = self._form.fields[-1]
            self._form.fields[-1] = (name, value + data)
        elif data.strip() and not self._hidden:
            self.texts.append(data.strip())


class PageView:
    """What came back: status, text as people read it, forms and links."""

    def __init__(self, path: str, answer: Answer) -> None:
        self.path = path
        self.answer = answer
        self.status = answer.status
        self.html = answer.text
        self._reader = _Reader()
        self._reader.feed(answer.text)
        self.forms = self._reader.forms
        self.links = self._reader.links
        self.text = " ".join(self._reader.texts)
        self.controls = self._reader.controls
        self.labelled = self._reader.labelled
        for form_id, name, value in self._reader.outside:
            for form in self.forms:
                if form.id == form_id:
                    form.fields.append((name, value))

    def form_of(self, do: str) -> Form:
        """Give the form that has this decision."""
        return next(form for form in self.forms if do in form.buttons)

    @property
    def decisions(self) -> set[str]:
        """Name every decision that the page offers."""
        return {do for form in self.forms for do in form.buttons}


class Visitor:
    """Somebody with a browser: signed in at once as a member of staff, or nobody yet."""

    def __init__(
        self, api: Any, who: str | None = None, *, lang: str = "zh", at: datetime | None = None
    ) -> None:
        self._api = api
        self._at = at
        self.cookie = ""
        if who is not None:
            from chalicelib.accounts.access_tokens import write_token
            from tests.support.people import staff_principal

            principal = staff_principal(who)
            self.cookie = f"visit-{who}~{lang}~{write_token(principal)}~ses_{who.replace('_', '')}.x"

    def get(self, path: str, **query: Any) -> PageView:
        """Open a page, going on where it sends one."""
        full = path + ("?" + urlencode(query) if query else "")
        return self._seen(full, self._send("GET", full, b"", "text/html"))

    def press(self, view: PageView, do: str, **typed: Any) -> PageView:
        """Send the form of a decision with what is typed; lists tick several boxes."""
        form = view.form_of(do)
        return self.send(view, form, do, **typed)

    def send(self, view: PageView, form: Form, do: str, **typed: Any) -> PageView:
        """Send a form."""
        pairs = [(name, value) for name, value in form.fields if name not in typed]
        for name, value in typed.items():
            pairs += [(name, str(one)) for one in (value if isinstance(value, list) else [value])]
        path = urljoin(view.path, form.action) if form.action else view.path
        return self.post(path, [*pairs, ("do", do)])

    def post(self, path: str, pairs: Any) -> PageView:
        """Send pairs as a form."""
        raw = urlencode(pairs).encode()
        return self._seen(path, self._send("POST", path, raw, "application/x-www-form-urlencoded"))

    def upload(self, view: PageView, do: str, raw: bytes, kind: str, **query: Any) -> PageView:
        """Send a sheet as the page's script does."""
        csrf = next(value for form in view.forms for name, value in form.fields if name == "csrf")
        path = view.path.partition("?")[0] + "?" + urlencode({"do": do, **query})
        return self._seen(path, self._send("POST", path, raw, kind, {"X-Csrf-Token": csrf}))

    def _send(self, method: str, path: str, raw: bytes, kind: str, headers: Any = None) -> Answer:
        sent = {"Accept": "text/html", **(headers or {})}
        if self.cookie:
            sent["Cookie"] = f"{COOKIE}={self.cookie}"
        answer: Answer = self._api().send(
            method, path, None, raw=raw, content_type=kind, headers=sent, at=self._at
        )
        told = answer.headers.get("Set-Cookie")
        if told:
            self.cookie = told.partition(";")[0].partition("=")[2]
        return answer

    def _seen(self, path: str, answer: Answer) -> PageView:
        if answer.status == 303:
            return self.get(urljoin(path, answer.headers["Location"]))
        return PageView(path, answer)
