"""A program (培训项目计划): a funded scheme with a versioned policy.

Every number of the policy is data; the defaults and where they come from are the table "Policy" of the
design's domain page. A class keeps the version it was approved under.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chalicelib.kernel.errors import Fault
from chalicelib.kernel.free_text import PUBLIC_WORDS
from chalicelib.kernel.ids import ProgramId
from chalicelib.kernel.principal import Change
from chalicelib.programs.thresholds import Thresholds, contradictions

ROLL_CALLS_MAX = 4
Count = Annotated[int, Meta(ge=0, le=100_000)]
Months = Annotated[int, Meta(ge=0, le=1_200)]
"""A hundred years: beyond, the day it ends on may be one that no calendar has."""
Host = Annotated[str, Meta(max_length=253, pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$(?!\n)")]
"""A host's name in lower case, e.g. `jk.ah.gov.cn`."""


class ExpiryScope(StrEnum):
    """What has to happen before the voucher expires: redemption, or completion of the class."""

    REDEEM = "redeem"
    COMPLETE = "complete"


class ProgramKind(StrEnum):
    """What a program's vouchers are good for; both halves of a kind are decided on when they are spent.

    Targeted (定向券): only for the projects listed for the program, at institutions listed for it.
    Open (通用券): for any project of the catalogue, at any listed institution that teaches it.
    Both are issued to the people of an approved list only.
    Face value (面值券): pays min(face value, fee) × pay rate.
    Entitlement (抵用券): covers one course, whatever its fee: pays fee × pay rate.
    """

    TARGETED_FACE_VALUE = "targeted_face_value"
    TARGETED_ENTITLEMENT = "targeted_entitlement"
    OPEN_FACE_VALUE = "open_face_value"
    OPEN_ENTITLEMENT = "open_entitlement"

    @property
    def is_open(self) -> bool:
        """Tell whether the vouchers are good for any project, not only for those listed for the program."""
        return self in (ProgramKind.OPEN_FACE_VALUE, ProgramKind.OPEN_ENTITLEMENT)

    @property
    def covers_the_fee(self) -> bool:
        """Tell whether the fee is covered without the cap of the face value."""
        return self in ENTITLEMENTS


ENTITLEMENTS = (ProgramKind.TARGETED_ENTITLEMENT, ProgramKind.OPEN_ENTITLEMENT)


class Employment(StrEnum):
    """Whether people in work get a voucher: under the notice they do not, under other schemes they may."""

    UNEMPLOYED = "unemployed"
    ANY = "any"


class OverridableCheck(StrEnum):
    """Checks of payability that two people may let pass, where a policy names them.

    Never those without which there was no training or no right to the voucher.
    """

    ATTENDANCE = "attendance"
    YEARLY_CAP = "yearly_cap"
    OCCUPATION_AND_LEVEL_ONCE = "occupation_and_level_once"


class PayRate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The share of the payable amount for those who passed and those who did not."""

    passed: Decimal = Decimal(1)
    failed: Decimal = Decimal(0)


class Card(StrEnum):
    """What an institution is shown for what supervision found there (黄牌、红牌)."""

    YELLOW = "yellow"
    RED = "red"


class CardThresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which figures an institution has a card: either of them is enough."""

    confirmed_cases: Annotated[int, Meta(ge=1, le=1_000)]
    deviations: Annotated[int, Meta(ge=1, le=1_000)]


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of a program in numbers, as far as everybody may know them.

    `release_within_days` after a redemption an institution may give the voucher back by itself, later only
    its bureau. No source fixes it: the default of two years leaves every voucher of usual validity alone, a
    city that wants one sets it.

    A payment taken back is due `clawback_due_days` after the reversal; an institution that has not repaid it
    by then is suspended in the night, or with `suspend_on_clawback` as soon as the reversal is confirmed. No
    source fixes either: 30 days is what bureaus usually allow, and a mistake of the bureau's own should not
    close a school at once. With `set_off_arrears` what an institution owes is kept of its next payments.

    A confirmed account of an institution counts `payee_wait_days` later, so that whoever is robbed has time
    to notice. With `hold_when_suspended` a suspended institution is not paid until it is reinstated. Both
    are the newest policy's, whatever a class was approved under: they say when to pay, not how much.

    The books of a month close with day `books_close_day` of the next one: a bank's result entered in that
    month can be corrected until then. `payment_csv_mark` puts a byte order mark before the payment file's
    csv, for a bank whose program reads it by that; no source fixes either.

    An institution has a card from so many confirmed cases, or deviations that inspections found, in the last
    `card_days`. A card makes its classes be drawn more often; that its claims are in public for
    `card_publicity_extra_days` longer, or that a red one stops new classes, a policy says. No source fixes
    any of this: by default a card is shown, and bars nobody.
    """

    face_value_fen: Annotated[int, Meta(ge=1, le=10_000_000)] = 600_000
    validity_months: Annotated[int, Meta(ge=1, le=60)] = 12
    graduated_on_or_after: date = date(2020, 6, 1)
    left_school_within_months: Months = 24
    employment: Employment = Employment.UNEMPLOYED
    vouchers_per_person: Annotated[int, Meta(ge=1, le=1)] = 1
    payable: Literal["min_face_value_and_fee"] = "min_face_value_and_fee"
    pay_rate: PayRate = PayRate()
    expiry_scope: ExpiryScope = ExpiryScope.REDEEM
    release_within_days: Count = 730
    file_before_opening_days: Count = 7
    class_size_min: Count = 10
    class_size_max: Annotated[int, Meta(ge=1, le=90)] = 50
    lesson_hour_minutes: Annotated[int, Meta(ge=1, le=120)] = 45
    class_hours_min: Count = 40
    hours_per_day_max: Annotated[int, Meta(ge=1, le=24)] = 8
    late_addition_until_share: Decimal = Decimal("0.20")
    check_in_opens_minutes_before: Count = 60
    check_in_closes_minutes_after_start: Count = 30
    check_out_required: bool = False
    roll_calls_per_lesson: Annotated[int, Meta(ge=0, le=ROLL_CALLS_MAX)] = 0
    roll_call_minutes: Annotated[int, Meta(ge=1, le=60)] = 10
    offline_upload_hours: Annotated[int, Meta(ge=0, le=168)] = 24
    geofence_radius_m: Count = 200
    accuracy_allowance_m: Count = 100
    attendance_min: Decimal = Decimal("0.80")
    make_up_share_max: Decimal = Decimal("0.20")
    pass_mark: Annotated[int, Meta(ge=0, le=100)] = 60
    subsidies_per_person_per_year: Count = 3
    overridable_checks: Annotated[list[OverridableCheck], Meta(max_length=10)] = []
    publicity_working_days: Annotated[int, Meta(ge=0, le=60)] = 5
    payee_wait_days: Annotated[int, Meta(ge=0, le=90)] = 3
    hold_when_suspended: bool = True
    clawback_due_days: Annotated[int, Meta(ge=0, le=3_650)] = 30
    suspend_on_clawback: bool = False
    set_off_arrears: bool = True
    books_close_day: Annotated[int, Meta(ge=1, le=28)] = 10
    payment_csv_mark: bool = False
    yellow_card: CardThresholds = CardThresholds(confirmed_cases=1, deviations=3)
    red_card: CardThresholds = CardThresholds(confirmed_cases=3, deviations=6)
    card_days: Annotated[int, Meta(ge=1, le=3_650)] = 365
    card_publicity_extra_days: Annotated[int, Meta(ge=0, le=60)] = 0
    red_card_stops_classes: bool = False
    subsidy_claim_deadline_months: Months = 12
    footage_online_days: Count = 90
    footage_retention_years: Annotated[int, Meta(ge=0, le=30)] = 5
    external_footage_hosts: Annotated[list[Host], Meta(max_length=20)] = []
    audit_log_retention_months: Annotated[int, Meta(ge=36, le=600)] = 36


class Policy(Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of a program in numbers, whole.

    The thresholds of `supervision` are the newest policy's: they say what is looked at. Who knows them stays
    just below them, so they are shown to supervisors and the province alone.

    What is grave stops payment until a supervisor has decided, as the design has it: what proves a wrong
    payment, as a person in two places, and what only looks like cheating, as positions, arrivals, marks and
    phones that are alike or footage that is missing. With `patterns_stop_payment` off, the second kind stops
    once it is confirmed: for a province whose supervisors answer for deciding during publicity.
    """

    supervision: Thresholds = Thresholds()
    patterns_stop_payment: bool = True


def terms_of(policy: Policy) -> Terms:
    """Give what everybody may know of a policy."""
    return Terms(**{name: getattr(policy, name) for name in Terms.__struct_fields__})


class AskedPolicy(Terms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy as it is asked for: thresholds that are left out stay as they are."""

    supervision: Thresholds | UnsetType = UNSET
    patterns_stop_payment: bool | UnsetType = UNSET

    def over(self, before: Policy | None) -> Policy:
        """Give the policy that is asked for, over the one before it; over none with the usual thresholds."""
        named = {name: getattr(self, name) for name in self.__struct_fields__}
        kept = before if before is not None else Policy()
        absent = {name: getattr(kept, name) for name, value in named.items() if value is UNSET}
        return Policy(**named | absent)


def policy_faults(policy: Policy) -> tuple[Fault, ...]:
    """Name the fields that no type refuses: shares lie between 0 and 1, the least below the largest."""
    shares = {
        "pay_rate.passed": policy.pay_rate.passed,
        "pay_rate.failed": policy.pay_rate.failed,
        "attendance_min": policy.attendance_min,
        "late_addition_until_share": policy.late_addition_until_share,
    }
    wrong = [name for name, share in shares.items() if not 0 <= share <= 1]
    if policy.class_size_min > policy.class_size_max:
        wrong.append("class_size_max")
    wrong += [f"supervision.{name}" for name in contradictions(policy.supervision)]
    return tuple(Fault("wrong_type", field=f"policy.{name}") for name in wrong)


class Face(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the card shows: 券面样式和信息要素."""

    title: Annotated[str, Meta(min_length=1, max_length=64, extra=PUBLIC_WORDS)]
    issuer: Annotated[str, Meta(min_length=1, max_length=64, extra=PUBLIC_WORDS)]
    colour: Annotated[str, Meta(pattern=r"^#[0-9A-Fa-f]{6}$(?!\n)")] = "#c8102e"
    notes: Annotated[str, Meta(max_length=500, extra=PUBLIC_WORDS)] = ""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A program at its newest policy version."""

    id: ProgramId
    name: str
    division: str
    kind: ProgramKind
    face: Face
    policy: Policy
    policy_version: int
    version: int = 1
    last_change: Change | None = None


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a program's policy, kept for the classes approved under it, and why it came."""

    program_id: str
    policy_version: int
    policy: Policy
    face: Face | None = None
    change: Change | None = None
