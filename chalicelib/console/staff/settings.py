"""Settings of a policy as people read and type them: each field of its type, in groups, and what changes.

The labels are those of the API's document, so that a field has one meaning everywhere.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import inspect

from chalicelib.console import words
from chalicelib.console.staff import numbers
from chalicelib.console.words import Pair
from chalicelib.edge.describing.words import meaning
from chalicelib.edge.forms import malformed
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.money import yuan
from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds

GROUPS: Final[Sequence[tuple[Pair, Sequence[str]]]] = (
    (("券面与有效期", "Face and validity"), ("face_value_fen", "validity_months", "expiry_scope")),
    (
        ("发放条件", "Who gets one"),
        ("graduated_on_or_after", "left_school_within_months", "employment", "vouchers_per_person"),
    ),
    (
        ("支付", "Payment"),
        (
            *("payable", "pay_rate", "subsidies_per_person_per_year", "overridable_checks"),
            *("subsidy_claim_deadline_months", "publicity_working_days", "payee_wait_days"),
            *("hold_when_suspended", "set_off_arrears", "books_close_day", "payment_csv_mark"),
        ),
    ),
    (("追回", "Money taken back"), ("clawback_due_days", "suspend_on_clawback")),
    (
        ("开班与退回", "Classes and release"),
        (
            *("file_before_opening_days", "class_size_min", "class_size_max", "class_hours_min"),
            *("lesson_hour_minutes", "hours_per_day_max", "late_addition_until_share", "release_within_days"),
        ),
    ),
    (
        ("签到与出勤", "Check-in and attendance"),
        (
            *("check_in_opens_minutes_before", "check_in_closes_minutes_after_start", "check_out_required"),
            *("roll_calls_per_lesson", "roll_call_minutes", "offline_upload_hours", "geofence_radius_m"),
            *("accuracy_allowance_m", "attendance_min", "make_up_share_max", "pass_mark"),
        ),
    ),
    (
        ("录像与记录", "Footage and records"),
        (
            *("footage_online_days", "footage_retention_years", "external_footage_hosts"),
            "audit_log_retention_months",
        ),
    ),
    (
        ("黄牌与红牌", "Cards"),
        ("yellow_card", "red_card", "card_days", "card_publicity_extra_days", "red_card_stops_classes"),
    ),
    (("监督", "Supervision"), ("patterns_stop_payment", "supervision")),
)
"""Every field of a policy stands in one of them; a test holds the two together."""
_SHARES: Final = frozenset({"attendance_min", "late_addition_until_share", "make_up_share_max"})
_PARTS: Final[Mapping[str, Pair]] = {
    "pay_rate.passed": ("合格者支付比例", "Paid for who passed"),
    "pay_rate.failed": ("不合格者支付比例", "Paid for who failed"),
    "yellow_card.confirmed_cases": ("黄牌：查实案件数", "Yellow: confirmed cases"),
    "yellow_card.deviations": ("黄牌：抽查不符数", "Yellow: deviations found"),
    "red_card.confirmed_cases": ("红牌：查实案件数", "Red: confirmed cases"),
    "red_card.deviations": ("红牌：抽查不符数", "Red: deviations found"),
    "face_value_fen": ("面值", "Face value"),
    "payable": ("支付规则", "Rule of what is paid"),
}


@dataclass(frozen=True)
class Setting:
    """One field: its path in the policy, its words, how it is typed, and what there is to choose from."""

    name: str
    label: Pair
    kind: str
    choices: Sequence[str] = ()
    unit: Pair = ("", "")


def settings_of(names: Iterable[str]) -> list[Setting]:
    """Lay out fields of a policy, those of its parts one by one."""
    types = {one.name: one.type for one in _fields(Policy)}
    return [setting for name in names for setting in _settings(name, types[name])]


def _fields(struct: type[msgspec.Struct]) -> Sequence[inspect.Field]:
    told = inspect.type_info(struct)
    assert isinstance(told, inspect.StructType)
    return told.fields


def _settings(name: str, kind: inspect.Type) -> Iterator[Setting]:
    if isinstance(kind, inspect.StructType):
        for part in kind.fields:
            yield from _settings(f"{name}.{part.name}", part.type)
        return
    yield Setting(name, label_of(name), *_typed_as(name, kind))


def _typed_as(name: str, kind: inspect.Type) -> tuple[str, Sequence[str], Pair]:
    unit: Pair = ("", "")
    choices: Sequence[str] = ()
    match kind:
        case inspect.BoolType():
            typed = "bool"
        case inspect.EnumType(cls=cls):
            typed, choices = "choice", [str(one.value) for one in cls]
        case inspect.LiteralType(values=values):
            typed, choices = "choice", [str(one) for one in values]
        case inspect.ListType(item_type=inspect.EnumType(cls=cls)):
            typed, choices = "ticks", [str(one.value) for one in cls]
        case inspect.ListType():
            typed = "lines"
        case inspect.DateType():
            typed = "date"
        case inspect.DecimalType() | inspect.FloatType(ge=0, le=1):
            typed, unit = "share", ("%", "%")
        case inspect.FloatType():
            typed = "decimal"
        case _ if name.endswith("_fen"):
            typed, unit = "yuan", ("元", "yuan")
        case _:
            typed = "whole"
    return typed, choices, unit


def label_of(name: str) -> Pair:
    """Say a field: its meaning in the API's document, without what the unit beside it tells."""
    if name in _PARTS:
        return _PARTS[name]
    owner = Thresholds.__name__ if name.startswith("supervision.") else Policy.__name__
    chinese, english = meaning(owner, name.rpartition(".")[2])
    if not chinese:
        return (name, name)
    return (
        chinese.removesuffix("。").removesuffix("，0–1"),
        english.removesuffix(".").removesuffix(", 0 to 1"),
    )


# --------------------------------------------------------------------------- showing


def value_of(policy: Mapping[str, Any], name: str) -> Any:
    """Give a field of a policy that was read."""
    found: Any = policy
    for part in name.split("."):
        found = found[part]
    return found


def as_typed(setting: Setting, value: Any) -> str:
    """Write a value as its field takes it."""
    match setting.kind:
        case "yuan":
            return yuan(int(value)).replace(",", "")
        case "share":
            return f"{(Decimal(str(value)) * 100).normalize():f}"
        case "bool":
            return "true" if value else "false"
        case "lines":
            return "\n".join(str(one) for one in value)
        case "ticks":
            return " ".join(str(one) for one in value)
        case _:
            return str(value)


def as_said(setting: Setting, value: Any, *, english: bool) -> str:
    """Say a value as people do."""
    match setting.kind:
        case "bool":
            return words.said(("是", "yes") if value else ("否", "no"), english=english)
        case "choice":
            return choice_of(setting.name, str(value), english=english)
        case "ticks":
            said = [words.word(words.CHECKS, str(one), english=english) for one in value]
            return "、".join(said) or words.said(("无", "none"), english=english)
        case "lines":
            return "、".join(str(one) for one in value) or words.said(("无", "none"), english=english)
        case _:
            unit = words.said(setting.unit, english=english)
            return f"{as_typed(setting, value)}{' ' if unit not in {'', '%'} else ''}{unit}"


def choice_of(name: str, value: str, *, english: bool) -> str:
    """Say one of what may be chosen."""
    return words.word(words.CHOICES.get(name, {}), value, english=english)


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Iterable[str], *, english: bool
) -> list[tuple[str, str, str]]:
    """Name what differs between two policies: which field, what it was, what it is."""
    found = []
    for setting in settings_of(names):
        old, new = value_of(before, setting.name), value_of(after, setting.name)
        if as_typed(setting, old) != as_typed(setting, new):
            label = words.said(setting.label, english=english)
            told = (as_said(setting, one, english=english) for one in (old, new))
            found.append((label, *told))
    return [(label, old, new) for label, old, new in found]


# --------------------------------------------------------------------------- reading what was typed


def read(fields: Mapping[str, Sequence[str]], names: Iterable[str]) -> dict[str, Any]:
    """Make the policy that was typed, as the API takes it.

    Raises:
        Malformed: fields that cannot be read, all of them.

    """
    policy: dict[str, Any] = {}
    faults = []
    for setting in settings_of(names):
        typed = list(fields.get(setting.name, ()))
        inner, (*path, last) = policy, setting.name.split(".")
        for part in path:
            inner = inner.setdefault(part, {})
        try:
            inner[last] = _read(setting, typed)
        except ValueError:
            faults.append(Fault("wrong_type", field=setting.name, form=_FORMS.get(setting.kind)))
    if faults:
        raise malformed(faults)
    return policy


def _read(setting: Setting, typed: Sequence[str]) -> Any:
    if setting.kind == "ticks":
        return list(typed)
    text = (typed[0] if typed else "").strip()
    return _READERS.get(setting.kind, str)(text)


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "lines": str.split,
    "bool": lambda text: text == "true",
    "yuan": numbers.fen,
    "share": numbers.share,
    "decimal": numbers.decimal,
    "whole": numbers.whole,
    "date": lambda text: date.fromisoformat(text).isoformat(),
}
_FORMS: Final[Mapping[str, str]] = {
    "yuan": "number",
    "share": "number",
    "decimal": "number",
    "whole": "whole_number",
    "date": "date",
}
