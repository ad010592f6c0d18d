"""How pages are drawn: the templates, the words and figures for people, and the headers of every page."""

import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from chalicelib.aws.objects import ERROR_SHEETS, origin_of
from chalicelib.aws.settings import settings
from chalicelib.catalogue.institutions.reading import learn_names, name_known
from chalicelib.catalogue.institutions.store import want_institutions
from chalicelib.console import words
from chalicelib.console.staff.actions import ACTS, MAKES, Act, Field
from chalicelib.console.staff.fields import SYSTEMS, act_named
from chalicelib.console.staff.fields import label as label_of_field
from chalicelib.console.staff.keeping import Kept
from chalicelib.console.staff.refusals import problem_for
from chalicelib.console.staff.session import Session, new_form_key
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.pages import HTML, Asker, Visit
from chalicelib.edge.problems import Problem, internal_problem
from chalicelib.kernel.calendar import SHANGHAI, shanghai_date
from chalicelib.kernel.divisions import PROVINCE, divisions_below, groups_below
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.money import yuan
from chalicelib.kernel.reasons import REASONS

_FOLDER = Path(__file__).parent.parent / "templates"
_WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PLACEHOLDER = re.compile(r"\{\w+\}")
_OTHERS: Final[Mapping[str, words.Pair]] = {
    "entry.save": ("保存", "saved"),
    "class.save": ("保存开班申请", "application saved"),
    "class.change": ("申请变更", "change applied for"),
    "policy.save": ("发布新一版政策", "new policy version published"),
    "footage.complete": ("上传录像", "footage sent"),
}
"""What pages do in their own way."""
_UNSENT: Final[Mapping[str, words.Pair]] = {
    "desk.save": ("保存申请", "Save the application"),
    "desk.change": ("提交变更申请", "Apply"),
    "entry.save": ("保存", "Save"),
    "policy.save": ("发布新一版政策", "Publish the new version"),
}
"""Buttons of pages' own forms: what was not sent because a sign-in ran out."""
_SIMPLE = frozenset({"version", "words", "echo"})
_NOT_CARRIED = frozenset({"lang", "done", "opened"})
"""What an address asks for once: no link carries it on. What is opened is recorded, each time anew."""


_AREAS: Final[Sequence[tuple[str, words.Pair, str]]] = (
    ("", ("待办", "In-tray"), ""),
    ("search", ("查询", "Search"), "/v1/reports/funnel"),
    ("desk", ("窗口", "Desk"), "/v1/classes/{class_id}/roster/template"),
    ("classes", ("班级", "Classes"), "/v1/classes"),
    ("claims", ("补贴申领", "Claims"), "/v1/subsidy-claims"),
    ("money", ("资金", "Money"), "/v1/settlement-batches"),
    ("payees", ("收款账户", "Payees"), "/v1/payees"),
    ("holds", ("暂缓", "Holds"), "/v1/holds"),
    ("objections", ("异议", "Objections"), "/v1/objections"),
    ("cases", ("风险案件", "Risk cases"), "/v1/risk-cases"),
    ("inspections", ("抽查", "Inspections"), "/v1/inspections"),
    ("statements", ("对账单", "Statements"), "/v1/statements"),
    ("lists", ("名单与发放", "Lists and issuance"), "/v1/imports"),
    ("vouchers", ("培训券", "Vouchers"), "/v1/reports/funnel"),
    ("enrolments", ("报名", "Enrolments"), "/v1/enrolments"),
    ("scans", ("拒扫记录", "Refused scans"), "/v1/scans"),
    ("institutions", ("机构与项目", "Catalogue"), "/v1/accounts"),
    ("programs", ("项目计划", "Programs"), "/v1/programs/{program_id}/policies"),
    ("accounts", ("账号", "Accounts"), "/v1/accounts"),
    ("clients", ("软件凭据", "Software"), "/v1/clients"),
    ("lookups", ("查人记录", "Lookups"), "/v1/audit"),
    ("reports", ("统计", "Reports"), "/v1/reports/funnel"),
    ("deliveries", ("数据回流", "Deliveries"), "/v1/exchange/deliveries"),
)
"""The navigation: address, name, and the endpoint whose right lets a role see it."""


@dataclass(frozen=True)
class DrawnForm:
    """One form on a page: what goes along unseen, what is asked, and the decisions it can be sent as."""

    id: str
    buttons: Sequence[tuple[str, Act]]
    fields: Sequence[Field]
    hidden: Mapping[str, str]
    folded: bool


@dataclass
class Page:
    """One page being made: who looks at it, what was refused, and what was typed."""

    visit: Visit
    session: Session
    problem: Problem | None = None
    result: Any = None
    done: str = ""
    kept: Kept | None = None
    """What was typed before a sign-in that ran out, put back into the page; no fields if another typed it."""
    _nameless: set[str] = field(default_factory=set)
    """Institutions whose names are asked for, and not read yet."""

    @functools.cached_property
    def asker(self) -> Asker:
        """Give what asks the API as who looks at the page."""
        return self.session.asker(self.visit)

    def become(self, session: Session) -> None:
        """Go on as somebody else: who asks is asked for anew, and so is what they may read."""
        self.session = session
        self.__dict__.pop("asker", None)

    @property
    def english(self) -> bool:
        """Tell whether the page is in English."""
        return self.session.english

    def get(self, path: str, values: Mapping[str, str] | None = None, **parameters: Any) -> Any:
        """Read from the API."""
        return self.asker.ask("GET", path, values=values, parameters=parameters)

    def may(self, method: str, path: str) -> bool:
        """Tell whether the role may ask an endpoint at all: what it may not has no place on the page."""
        return self.session.principal is not None and self.asker.admits(method, path)

    def know(self, usccs: Iterable[str | None]) -> None:
        """Learn the names of institutions: all of a page in one call, or with another read before."""
        self._nameless |= {uscc for uscc in usccs if uscc and name_known(uscc) is None}
        want_institutions(self._nameless)

    def institution(self, uscc: str | None) -> str:
        """Say an institution by its name, as it was at most half a minute ago."""
        if self._nameless:
            learn_names(self._nameless)
            self._nameless.clear()
        return name_known(uscc or "") or uscc or ""

    def forms_of(
        self,
        kind: str,
        subject: str,
        actions: Sequence[str],
        *,
        version: int | None = None,
        status: str = "",
        at: Mapping[str, str] | None = None,
        echo: Mapping[str, Any] | None = None,
    ) -> list[DrawnForm]:
        """Draw what is offered: decisions that ask for words alone share a form, others have their own."""
        acts = [
            (f"{kind}.{action}", ACTS[kind][action]) for action in actions if action in ACTS.get(kind, {})
        ]
        hidden = {f"at_{name}": value for name, value in {"id": subject, **(at or {})}.items()}
        hidden |= {name: str(value) for name, value in (echo or {}).items() if value is not None}
        if version is not None:
            hidden |= {"version": str(version), "seen_status": status}
        simple = [(do, act) for do, act in acts if all(part.kind in _SIMPLE for part in act.fields)]
        forms: list[DrawnForm] = []
        if simple:
            worded = any(part.kind == "words" for _, act in simple for part in act.fields)
            asked = [_words_field(simple)] if worded else []
            forms.append(DrawnForm(f"{kind}-{subject}", simple, asked, hidden, folded=False))
        for do, act in acts:
            if (do, act) not in simple:
                shown = [part for part in act.fields if part.kind not in {"version", "echo"}]
                forms.append(DrawnForm(f"{do}-{subject}", [(do, act)], shown, hidden, folded=act.soft))
        return sorted(forms, key=lambda form: all(act.soft for _, act in form.buttons))

    def form_for(
        self,
        what: str,
        *,
        hidden: Mapping[str, Any] | None = None,
        folded: bool = False,
        picks: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    ) -> DrawnForm:
        """Draw the form that makes something new; `picks` are what there is to choose from."""
        act = MAKES[what]
        given = {
            name: tuple((value, (said, said)) for value, said in choices)
            for name, choices in (picks or {}).items()
        }
        shown = [
            replace(part, kind="choice", choices=given.get(part.name, ())) if part.kind == "pick" else part
            for part in act.fields
            if part.kind not in {"version", "echo"}
        ]
        along = {name: str(value) for name, value in (hidden or {}).items() if value is not None}
        subject = "-".join(along.values())[:60]
        return DrawnForm(f"new.{what}-{subject}", [(f"new.{what}", act)], shown, along, folded=folded)

    def typed(self, form: DrawnForm, name: str) -> str:
        """Give what was typed into a form that was refused, so that nothing typed is lost."""
        return self.visit.typed(name) if self.is_refused(form) else ""

    def is_refused(self, form: DrawnForm) -> bool:
        """Tell whether this is the form that was sent and refused, or kept over a sign-in."""
        unsent = self.problem is not None or self.kept is not None
        return unsent and self.visit.typed("form") == form.id

    def link(self, **changes: Any) -> str:
        """Give the address of this page with other filters; None leaves one out."""
        kept = {name: value for name, value in self.visit.parameters.items() if name not in _NOT_CARRIED}
        wanted = {name: value for name, value in {**kept, **changes}.items() if value not in (None, "")}
        return "?" + urlencode(wanted)

    def divisions(self) -> Sequence[str]:
        """List the parts of the caller's area to which a list can be narrowed: cities, or counties."""
        principal = self.session.principal
        if principal is None or principal.institution is not None:
            return ()
        if principal.division == PROVINCE:
            return groups_below(PROVINCE)[1:]
        return divisions_below(principal.division)[1:]

    def areas(self) -> list[tuple[str, str, str]]:
        """List the areas that this role has, for the navigation: those whose list it may read."""
        return [(address, *names) for address, names, path in _AREAS if not path or self.may("GET", path)]

    def here(self, address: str) -> bool:
        """Tell whether the page is in this area."""
        return self.visit.path.startswith("/console") and self.visit.values.get("area", "") == address

    def day(self, value: Any) -> str:
        """Say a day as people do."""
        return _Words(self.english).day(value)

    def moment(self, value: Any) -> str:
        """Say a moment as people do."""
        return _Words(self.english).moment(value)

    def done_label(self) -> str:
        """Say what was done."""
        return self.label_of(self.done)

    def label_of(self, do: str) -> str:
        """Say a decision by its label."""
        if do == "activate":
            return self.say("激活账号，请登录", "account activated, now sign in")
        if do in _OTHERS:
            return self.say(*_OTHERS[do])
        act = act_named(do)
        return words.said(act.label if act is not None else ("已提交", "Sent"), english=self.english)

    def kept_label(self) -> str:
        """Say what was about to be sent when a sign-in ran out; empty where the page has no word for it."""
        do = self.kept.do if self.kept is not None else ""
        act = act_named(do) or act_named(
            do.replace("bulk.", "objection." if do == "bulk.resolve" else "claim.")
        )
        if act is not None:
            return words.said(act.label, english=self.english)
        return self.say(*_UNSENT[do]) if do in _UNSENT else ""

    def label(self, do: str, name: str) -> str:
        """Say a field of the form of a decision, as refusals of it do."""
        return label_of_field(do, name, english=self.english)

    def labels(self, do: str, before: str, names: Sequence[str]) -> list[tuple[str, str]]:
        """Give fields of the form of a decision with their labels; their names begin with the same word."""
        return [(name, self.label(do, before + name)) for name in names]

    def systems(self) -> list[tuple[str, str]]:
        """Give the systems in which a place may be given, with their words."""
        return [(name, words.said(pair, english=self.english)) for name, pair in SYSTEMS.items()]

    def field_name(self, name: str) -> str:
        """Say a field by its label, whatever form it is of: that of the form that was sent, if it has it."""
        return label_of_field(self.sent_as(), name, english=self.english)

    def sent_as(self) -> str:
        """Name the decision that the form was sent as; empty where none was."""
        return self.visit.typed("do") or self.visit.parameters.get("do", "")

    def evidence_of(self, check: Any) -> list[str]:
        """Say what a check rests on, piece by piece; what its name tells already is left out."""
        told = [(key, value) for key, value in check.evidence.items() if not isinstance(value, bool)]
        return [
            " ".join(
                (
                    words.word(words.EVIDENCE, key, english=self.english),
                    self._evidence(check.name, key, value),
                )
            )
            for key, value in told
            if value is not None and value != ""
        ]

    def _evidence(self, check: str, key: str, value: Any) -> str:
        if key in {"share", "minimum", "pay_rate"}:
            return f"{float(value):.0%}"
        machine = {"class_approved": "class", "on_roster": "enrolment", "voucher_redeemed": "voucher"}.get(
            check
        )
        if machine and key.endswith("status"):
            return words.status(machine, str(value), english=self.english)
        if key.endswith("_on"):
            return self.day(value)
        return f"{value:g}" if isinstance(value, float) else str(value)

    def document(self, kind: Any) -> str:
        """Say a kind of document."""
        return words.word(words.DOCUMENTS, str(kind), english=self.english)

    def reason(self, code: str) -> str:
        """Say a reason code's sentence; its facts, which are not known here, are left open."""
        reason = REASONS.get(code)
        if reason is None:
            return code
        return _PLACEHOLDER.sub("…", reason.en if self.english else reason.zh)

    def next_link(self) -> str:
        """Give the way back to what else waits."""
        return "" if "area" not in self.visit.values else f"{self.visit.root}console"

    def refuse(self, failure: DomainError) -> None:
        """Show a refusal on the page, in place of the success that was hoped for."""
        picked = [pick.split("|", 2) for pick in self.visit.fields.get("pick", ())]
        self.problem = problem_for(
            failure,
            self.sent_as(),
            request_id=self.visit.request_id,
            english=self.english,
            rows=[parts[-1] for parts in picked if len(parts) > 2],  # noqa: PLR2004 - id, version, name
        )

    def draw(self, template: str, title: str, **facts: Any) -> Reply:
        """Draw the page; one that tells a refusal has the refusal's status."""
        text = (
            _environment()
            .get_template(f"staff/{template}.html")
            .render(
                page=self,
                session=self.session,
                visit=replace(self.visit, parameters=_Given(self.visit.parameters)),
                root=self.visit.root,
                english=self.english,
                title=title,
                t=self.say,
                words=_Words(self.english),
                form_key=new_form_key(),
                **facts,
            )
        )
        status = self.problem.status if self.problem is not None else 200
        return Reply(text, status, HTML, self.headers())

    def say(self, chinese: str, english: str) -> str:
        """Pick the language."""
        return english if self.english else chinese

    def headers(self) -> dict[str, str]:
        """Give the headers of the page: what it may load, its language, and the session if it changed."""
        headers = {
            "Content-Security-Policy": _policy(),
            "Permissions-Policy": f"geolocation=(), camera=({self._camera()}), microphone=()",
            "Content-Language": "en" if self.english else "zh-CN",
        }
        return headers | ({"Set-Cookie": self.session.cookie()} if self.session.changed else {})

    def _camera(self) -> str:
        """Tell who may use the camera: the page for scanning itself, and no other."""
        return "self" if self.visit.path == "/scan" else ""

    def go(self, address: str) -> Reply:
        """Go on to another page, by reading it: sent forms are not sent again by F5."""
        return Reply("", 303, HTML, {**self.headers(), "Location": address})


def _policy() -> str:
    """Say what a page may load: its own origin, and of the buckets what is sent there and played."""
    intake, evidence = (
        origin_of(settings().intake_bucket, ERROR_SHEETS),
        origin_of(settings().evidence_bucket, "lessons"),
    )
    buckets = " ".join(sorted({intake, evidence}))
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {buckets}; "
        f"media-src {evidence}; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


def _words_field(simple: Sequence[tuple[str, Act]]) -> Field:
    """Ask once for what several decisions would ask for: a reason where any needs one."""
    needed = [act for _, act in simple if any(part.name == "reason" and part.needed for part in act.fields)]
    if len(needed) == len(simple):
        return Field("words", "words", ("原因", "Reason"))
    if not needed:
        return Field("words", "words", ("意见（可不填）", "Remark (optional)"), needed=False)
    zh = "、".join(act.label[0] for act in needed)
    en = ", ".join(act.label[1] for act in needed)
    label = (f"意见或原因（{zh}须填写原因）", f"Remark or reason (needed to: {en})")
    return Field("words", "words", label, needed=False)


class _Given(dict[str, str]):
    """The filters in an address; one that is not there is empty."""

    def __missing__(self, name: str) -> str:
        return ""


class _Words:
    """The glossary in one language, as templates use it."""

    def __init__(self, english: bool) -> None:  # noqa: FBT001 - of one thing only
        self._english = english

    def status(self, machine: str, name: Any) -> str:
        """Say a status."""
        return words.status(machine, str(name), english=self._english)

    def of(self, table: str, name: Any) -> str:
        """Say a word of a table of the glossary."""
        return words.word(getattr(words, table.upper()), name, english=self._english)

    def pair(self, pair: words.Pair) -> str:
        """Pick the language."""
        return words.said(pair, english=self._english)

    def mark(self, name: Any) -> tuple[str, str]:
        """Give the sign and the word of a mark of attendance."""
        sign, zh, en = words.MARKS.get(str(name), (str(name), str(name), str(name)))
        return sign, en if self._english else zh

    def tone(self, name: Any) -> str:
        """Tell how a status is coloured."""
        return words.tone(str(name))

    def moment(self, value: Any) -> str:
        """Say a moment: 12月8日 周二 08:30."""
        if value is None:
            return ""
        local = _as_moment(value).astimezone(SHANGHAI)
        return f"{self.day(local.date())} {local:%H:%M}"

    def clock(self, value: Any) -> str:
        """Say the time of day alone."""
        return f"{_as_moment(value).astimezone(SHANGHAI):%H:%M}"

    def day(self, value: Any) -> str:
        """Say a day: 12月8日 周二; with its year where that is not this one."""
        if value is None:
            return ""
        day = date.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(day, datetime):
            day = shanghai_date(day)
        same = day.year == shanghai_date(datetime.now(SHANGHAI)).year
        if self._english:
            text = f"{_WEEKDAYS_EN[day.weekday()]} {day.day} {_MONTHS_EN[day.month - 1]}"
            return text if same else f"{text} {day.year}"
        text = f"{day.month}月{day.day}日 {_WEEKDAYS[day.weekday()]}"
        return text if same else f"{day.year}年{text}"

    def days_since(self, value: Any, now: datetime) -> int:
        """Tell how many days ago a moment was."""
        return max(0, (shanghai_date(now) - shanghai_date(_as_moment(value))).days)

    def division(self, code: Any) -> str:
        """Say a division by its name, the city's before a county's."""
        return words.division(str(code or ""))


def _as_moment(value: Any) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


@functools.cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only pages need it

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "yuan": lambda fen: yuan(int(fen)),
        "hash": lambda text: hashlib.sha256(str(text).encode()).hexdigest()[:8],
        "percent": lambda share: f"{float(share) * 100:.0f}%",
    }
    environment.filters.update(filters)
    return environment


def broken(visit: Visit, english: bool) -> Problem:  # noqa: FBT001 - of one thing only
    """Describe a failure of ours."""
    return internal_problem(request_id=visit.request_id, english=english)
