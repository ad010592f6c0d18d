"""What is told to the national platform (数据回流): which change is which event, and a delivery's states.

A delivery is one change of one subject. Its key is the subject and the version the change made, so a
stream that repeats itself makes no second one, and the platform sees them in order and without gaps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec

from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.divisions import COUNTY_LEVEL, PROVINCE, is_known, parent_of
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import part_id, whole_of
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions

TRIES_MAX = 200
"""After so many failed tries (more than a week of hourly ones) a person decides."""

_PREFIX_CHARS = 3


class DeliveryState(StrEnum):
    """Where a delivery is: told, heard, or stuck."""

    PENDING = "pending"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    DEAD = "dead"


_S = DeliveryState
DELIVERY_TRANSITIONS: Transitions[DeliveryState] = Transitions(
    "delivery",
    {
        "send": Step((_S.PENDING,), _S.SENT),
        "refuse": Step((_S.PENDING, _S.SENT), _S.REFUSED),
        "give_up": Step((_S.PENDING,), _S.DEAD),
        "acknowledge": Step((_S.PENDING, _S.SENT, _S.REFUSED, _S.DEAD), _S.ACKNOWLEDGED),
        "redrive": Step((_S.SENT, _S.REFUSED, _S.DEAD), _S.PENDING),
    },
)


class PlatformVerdict(StrEnum):
    """What the platform says of a message it took."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


ACTION_OF_VERDICT: Mapping[PlatformVerdict, str] = {
    PlatformVerdict.ACCEPTED: "acknowledge",
    PlatformVerdict.REFUSED: "refuse",
}


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One change on its way to the platform; `sequence` is the version the change made of the subject."""

    subject: str
    sequence: int
    message_id: str
    event: str
    area: str
    division: str
    occurred_at: datetime
    state: DeliveryState
    queue: str
    body: dict[str, Any] = {}
    attempts: int = 0
    failure: str | None = None
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    version: int = 1
    last_change: Change | None = None


def why_not(action: str, delivery: Delivery) -> DomainError | None:
    """Tell whether the state stands against an action; the truth is the condition of `store.move`."""
    if DELIVERY_TRANSITIONS.allows(action, delivery.state):
        return None
    return error("wrong_state", status=str(delivery.state))


@dataclass(frozen=True)
class ReportedTable:
    """How the changes of one table are told: `kind` names the subject, `fields` is all that is said of it.

    The event is the first that applies: an amount in `notes` that grew, the pair of states in `steps`,
    the new state if it is another, else `changed`.
    """

    kind: str
    fields: tuple[str, ...]
    steps: Mapping[tuple[str, str], str]
    notes: Mapping[str, str]


REPORTED: Mapping[str, ReportedTable] = {
    "vouchers": ReportedTable(
        kind="voucher",
        fields=(
            "id",
            "program_id",
            "person_key",
            "division",
            "status",
            "face_value_fen",
            "paid_fen",
            "reversed_fen",
            "issued_at",
            "claimed_at",
            "redeemed_at",
            "settled_at",
            "expires_at",
            "valid_through",
            "enrolment_id",
            "institution",
        ),
        steps={
            ("redeemed", "claimed"): "released",
            ("expired", "issued"): "restored",
            ("expired", "claimed"): "restored",
            ("revoked", "issued"): "restored",
            ("revoked", "claimed"): "restored",
            ("revoked", "redeemed"): "restored",
        },
        notes={"reversed_fen": "reversed"},
    ),
}
"""By table. No field names a person in the clear: the platform knows people by `person_key`."""


def event_of(reported: ReportedTable, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    """Name the event of a change, e.g. `voucher.redeemed`.

    redeemed → claimed is `voucher.released`, a lost one given back `voucher.restored`; settled with more
    `reversed_fen` is `voucher.reversed`.
    """
    then = before or {}
    status, old_status = str(after["status"]), then.get("status")
    grown = next(
        (event for field, event in reported.notes.items() if after.get(field, 0) != then.get(field, 0)), None
    )
    if old_status is None:
        name = status
    elif grown is not None:
        name = grown
    elif old_status == status:
        name = "changed"
    else:
        name = reported.steps.get((str(old_status), status), status)
    return f"{reported.kind}.{name}"


def body_of(reported: ReportedTable, after: Mapping[str, Any]) -> dict[str, Any]:
    """Write what is said of the subject."""
    return {name: _plain(after[name]) for name in reported.fields if after.get(name) is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_moment(value)
    return value.isoformat() if isinstance(value, date) else value


def message_id_of(subject: str, sequence: int) -> str:
    """Give the message's id, which can be read backwards: `vch_x`, 3 → `msg_x-vch3`."""
    return part_id("msg", subject, f"{subject.partition('_')[0]}{sequence}")


def delivery_key(message_id: str) -> tuple[str, int] | None:
    """Give the subject and sequence a message id names; None if it is none of ours."""
    if not message_id.startswith("msg_"):
        return None
    whole, name = whole_of("msg", message_id)
    number = name[_PREFIX_CHARS:]
    if not whole or not (number.isascii() and number.isdecimal()) or len(number) > 9:  # noqa: PLR2004
        return None
    subject, sequence = f"{name[:_PREFIX_CHARS]}_{whole.partition('_')[2]}", int(number)
    return (subject, sequence) if message_id_of(subject, sequence) == message_id else None


def area_of(division: str | None) -> str:
    """Give the bureau directly under the province that a division belongs to, or the province."""
    if division is None or not is_known(division):
        return str(PROVINCE)
    area = division
    while (above := parent_of(area)) is not None and above != PROVINCE:
        area = above
    return str(area)


ALL_AREAS: tuple[str, ...] = (str(PROVINCE), *sorted({area_of(code) for code in COUNTY_LEVEL}))


def envelope_of(delivery: Delivery) -> dict[str, Any]:
    """Write the message as the platform reads it."""
    return {
        "message_id": delivery.message_id,
        "subject": delivery.subject,
        "sequence": delivery.sequence,
        "event": delivery.event,
        "body": delivery.body,
        "occurred_at": format_moment(delivery.occurred_at),
    }
