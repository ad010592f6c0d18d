"""An institution (承训机构): its states, and what it may teach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from chalicelib.catalogue.projects.model import Project
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.geo import CoordSystem, Point
from chalicelib.kernel.identity import InvalidIdentity, mask_phone, parse_phone
from chalicelib.kernel.ids import ProgramId, ProjectId, Uscc, derived_id
from chalicelib.kernel.principal import OVERSEERS, Change, Role
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.programs.model import ProgramKind

ROOMS_MAX = 1000
ROOMS_USUAL = 40
"""More rooms than this are looked at again: supervision compares lessons held at once with them."""
ROOMS_RAISED = 1.5
"""So many times as many rooms as a year before are looked at again too."""
ROOMS_KEPT_FOR = timedelta(days=730)
"""So long fewer rooms are remembered: supervision compares with those of the year before a class."""
RENAMED_FOR = timedelta(days=365)
"""So long the name from before a change is asked for when an account is put forward. No source fixes it."""


class InstitutionStatus(StrEnum):
    """An institution may be scanned at and apply for classes only while listed."""

    LISTED = "listed"
    SUSPENDED = "suspended"


INSTITUTION_TRANSITIONS: Transitions[InstitutionStatus] = Transitions(
    "institution",
    {
        "suspend": Step((InstitutionStatus.LISTED,), InstitutionStatus.SUSPENDED),
        "take_over": Step((InstitutionStatus.SUSPENDED,), InstitutionStatus.SUSPENDED),
        "reinstate": Step((InstitutionStatus.SUSPENDED,), InstitutionStatus.LISTED),
    },
)


class Suspender(StrEnum):
    """Who suspended an institution: what supervision or a rule stopped, no clerk lets go alone."""

    CLERK = "clerk"
    OVERSEER = "overseer"
    RULE = "rule"


def suspender_of(role: Role) -> Suspender:
    """Tell as whom a person suspends."""
    return Suspender.OVERSEER if role in OVERSEERS else Suspender.CLERK


class Location(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place on earth; without its coordinate system it would be off by half a kilometre."""

    lng: Annotated[float, Meta(ge=-180, le=180)]
    lat: Annotated[float, Meta(ge=-90, le=90)]
    coord_system: CoordSystem

    @property
    def point(self) -> Point:
        """Give the point."""
        return Point(self.lng, self.lat, self.coord_system)


@dataclass(frozen=True)
class BankAccount:
    """Where an institution is paid."""

    holder: str
    bank: str
    number: str


@dataclass(frozen=True, kw_only=True)
class InstitutionEntry:
    """What a clerk files of an institution: all of it but its number and its state; an account to propose.

    An entry that does not tell the rooms leaves them as they are.
    """

    name: str
    division: str
    address: str
    phone: str
    location: Location
    programs: Sequence[str]
    projects: Sequence[str]
    bank_account: BankAccount | None = None
    rooms: int | None = None


class RoomsBefore(msgspec.Struct, frozen=True, kw_only=True):
    """How many rooms an institution had on record until a moment: fewer than it has since."""

    rooms: int
    until: datetime


class Institution(msgspec.Struct, frozen=True, kw_only=True):
    """A listed training provider, keyed by its unified social credit code.

    Its accounts have a life of their own (`catalogue.payees`); the one here is of institutions that were
    listed before. `stops` are the holds on all of its payments (`subsidies.holds`). `rooms` is how many
    classrooms it has, by which supervision tells whether so many classes can have been held at once;
    `rooms_before` are the fewer ones of before, so that raising them hides nothing.
    `suspended_as` is not known of who was suspended before it was kept: that is taken as an overseer's.
    `former_name` is its name before it was last changed, at `renamed_at`.
    """

    uscc: Uscc
    name: str
    division: str
    address: str
    phone: str
    location: Location
    programs: list[ProgramId]
    projects: list[ProjectId]
    status: InstitutionStatus
    bank_holder: str | None = None
    bank: str | None = None
    sealed_bank_account: str | None = None
    masked_bank_account: str | None = None
    suspended_at: datetime | None = None
    suspended_for: str | None = None
    suspended_as: Suspender | None = None
    suspended_by: str | None = None
    former_name: str | None = None
    renamed_at: datetime | None = None
    stops: list[str] = []
    rooms: int | None = None
    rooms_before: list[RoomsBefore] = []
    version: int = 1
    last_change: Change | None = None


def rooms_before(old: Institution | None, rooms: int | None, now: datetime) -> list[RoomsBefore]:
    """Tell how many rooms an institution had before, once it has these: only what was fewer is kept.

    Example: 2 rooms, raised to 6 in March and to 40 in May, are remembered as 2 until March and 6 until May.
    Lowered to 5 in June, 6 is forgotten: nothing that stood in 6 stands in 5.
    """
    if old is None or rooms == old.rooms or rooms is None:
        return list(old.rooms_before) if old is not None else []
    known = [*old.rooms_before]
    if old.rooms is not None:
        known.append(RoomsBefore(rooms=old.rooms, until=now))
    return [one for one in known if one.rooms < rooms and now - ROOMS_KEPT_FOR < one.until]


def rooms_raised(institution: Institution, now: datetime) -> bool:
    """Tell whether an institution has far more rooms on record than it had within a year."""
    year = now - timedelta(days=365)
    fewest = min((one.rooms for one in institution.rooms_before if one.until > year), default=None)
    return fewest is not None and (institution.rooms or 0) >= ROOMS_RAISED * fewest


def listed_payee_id(uscc: str) -> str:
    """Name the account that stands on an institution's own row."""
    return derived_id("pay", uscc, "listed")


def teaches(institution: Institution, project: Project, program_id: str, kind: ProgramKind) -> bool:
    """Tell whether the institution is listed for this project under this program.

    Vouchers of an open kind (通用券) ask only that it teaches the project.
    """
    listed = program_id in institution.programs and program_id in project.programs
    return project.id in institution.projects and (kind.is_open or listed)


def names_to_fit(institution: Institution, now: datetime) -> tuple[str, ...]:
    """Give the names that the holder of its account has to bear: that of now, and one it lately had.

    Who renames an institution after a company of their own, and then puts that company's account forward,
    is found by the name it had before.
    """
    if institution.former_name is None or institution.renamed_at is None:
        return (institution.name,)
    lately = now < institution.renamed_at + RENAMED_FOR
    return (institution.name, institution.former_name) if lately else (institution.name,)


def is_taken_over(action: str, institution: Institution, role: Role) -> bool:
    """Tell whether a suspension is put in the place of a clerk's: one that the clerk may not lift alone."""
    is_clerks = institution.suspended_as is Suspender.CLERK
    suspended = institution.status is InstitutionStatus.SUSPENDED
    return action == "suspend" and suspended and is_clerks and suspender_of(role) is not Suspender.CLERK


def why_not(
    action: str, institution: Institution, *, role: Role, version: int | None = None
) -> DomainError | None:
    """Tell what stands against suspending or reinstating an institution; None if nothing does.

    A clerk reinstates only what a clerk suspended. `version` is the one its caller has read, where they have.
    The truth is the condition of `store.move_institution`.
    """
    if version is not None and institution.version != version:
        return error("version_conflict", version=institution.version)
    if is_taken_over(action, institution, role):
        return None
    suspended = institution.status is InstitutionStatus.SUSPENDED
    is_clerk = suspender_of(role) is Suspender.CLERK
    if action == "reinstate" and suspended and is_clerk and institution.suspended_as is not Suspender.CLERK:
        return error("suspended_above")
    if not INSTITUTION_TRANSITIONS.allows(action, institution.status):
        return error("wrong_state", status=institution.status.value)
    return None


def public_phone(phone: str) -> str:
    """Give a contact's number as it is published: a mobile is somebody's own, and masked."""
    try:
        return mask_phone(parse_phone(phone))
    except InvalidIdentity:
        return phone
