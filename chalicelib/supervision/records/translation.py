"""The one translation from what the service stores to the records that supervision reads.

Dossiers, the export for auditors and tests all go through here, so the rules meet the same records whatever
the path. It is pure: `keyed` gives the opaque keys.

Three readings that are not obvious:

- A check-in that was reviewed has the outcome of the review. One that was rejected is `refused`, with the
  reason `review_rejected`. Answers to roll-calls are no check-ins and are not told.
- The id of a check-in names lesson, enrolment and kind (`chk_<class>-<lesson>.<enrolment>.in`), not the
  person as the service's own does.
- `account_key` is null: trainees have no accounts here; institutions' accounts are no business of records.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from chalicelib.attendance.check_ins.model import (
    CheckIn,
    CheckInKind,
    CheckInProof,
    DevicePlace,
    RefusedCheckIn,
    ReviewVerdict,
)
from chalicelib.attendance.footage.model import FootageStatus, Segment
from chalicelib.attendance.make_ups.model import MakeUp, MakeUpKind, MakeUpStatus
from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus, Location
from chalicelib.catalogue.projects.model import Project
from chalicelib.classes.marks import ScoreSheet
from chalicelib.classes.model import ClassHead, ClassPlan, Lesson, Site
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.redemption.model import RefusedScan
from chalicelib.kernel.ids import whole_of
from chalicelib.people.standings.model import Standings
from chalicelib.people.vault.model import Person
from chalicelib.subsidies.claims.model import Claim, Line
from chalicelib.supervision.records.model import (
    CheckInRecord,
    ClaimLineRecord,
    ClaimRecord,
    ClassRecord,
    EnrolmentRecord,
    FootageRecord,
    InstitutionRecord,
    LessonRecord,
    PersonRecord,
    Position,
    ProjectRecord,
    Record,
    RedemptionRecord,
    RoomsRecord,
    RosterRecord,
    ScoresRecord,
    SiteRecord,
    StandingRecord,
    VoucherRecord,
)
from chalicelib.vouchers.model import Voucher

Keyed = Callable[[str, str], str]
"""Gives the key of a thing: its kind, and what names it in the tables (`records.keys`)."""
REVIEW_REJECTED: Final = "review_rejected"
_ANNOUNCED: Final = "announced"
_FOOTAGE = {FootageStatus.AWAITING_UPLOAD: _ANNOUNCED, FootageStatus.MISSING: _ANNOUNCED}
_MADE_UP = {
    MakeUpStatus.REQUESTED: "needs_review",
    MakeUpStatus.APPROVED: "accepted",
    MakeUpStatus.REJECTED: "refused",
}


@dataclass(frozen=True, kw_only=True)
class StoredClass:
    """All that the tables hold of one class and its people."""

    head: ClassHead
    plan: ClassPlan
    roster: dict[str, str]
    sheets: Sequence[ScoreSheet] = ()
    check_ins: Sequence[CheckIn] = ()
    refused: Sequence[RefusedCheckIn] = ()
    footage: Sequence[Segment] = ()
    make_ups: Sequence[MakeUp] = ()
    enrolments: Sequence[Enrolment] = ()
    vouchers: Sequence[Voucher] = ()
    people: Sequence[Person] = ()
    standings: Sequence[Standings] = ()
    claim: Claim | None = None
    lines: Sequence[Line] = ()
    institution: Institution | None = None
    project: Project | None = None


@dataclass(frozen=True, kw_only=True)
class ClassRecords:
    """The records of one class and its people, by file of an export."""

    institutions: list[InstitutionRecord] = field(default_factory=list)
    projects: list[ProjectRecord] = field(default_factory=list)
    vouchers: list[VoucherRecord] = field(default_factory=list)
    enrolments: list[EnrolmentRecord] = field(default_factory=list)
    classes: list[ClassRecord] = field(default_factory=list)
    rosters: list[RosterRecord] = field(default_factory=list)
    check_ins: list[CheckInRecord] = field(default_factory=list)
    footage: list[FootageRecord] = field(default_factory=list)
    scores: list[ScoresRecord] = field(default_factory=list)
    claims: list[ClaimRecord] = field(default_factory=list)
    people: list[PersonRecord] = field(default_factory=list)
    standings: list[StandingRecord] = field(default_factory=list)
    redemptions: list[RedemptionRecord] = field(default_factory=list)

    def files(self) -> dict[str, list[Record]]:
        """Give the records by the name of their file."""
        return {name: list(getattr(self, name)) for name in self.__dataclass_fields__}


def records_of(stored: StoredClass, keyed: Keyed) -> ClassRecords:
    """Tell one class as records."""
    enrolments = sorted(stored.enrolments, key=lambda enrolment: enrolment.id)
    return ClassRecords(
        institutions=[institution_record(stored.institution)] if stored.institution is not None else [],
        projects=[project_record(stored.project)] if stored.project is not None else [],
        vouchers=[voucher_record(voucher, keyed) for voucher in stored.vouchers],
        enrolments=[enrolment_record(enrolment, keyed) for enrolment in enrolments],
        classes=[class_record(stored.head, stored.plan, keyed)],
        rosters=roster_records(stored, keyed),
        check_ins=[
            *(record for check_in in stored.check_ins for record in check_in_records(check_in, keyed)),
            *(refused_check_in_record(refused, keyed) for refused in stored.refused if _told(refused)),
            *(made_up_record(made_up) for made_up in stored.make_ups if made_up.kind is MakeUpKind.MAKE_UP),
        ],
        footage=[footage_record(segment, keyed) for segment in stored.footage],
        scores=[record for sheet in stored.sheets for record in scores_records(sheet, keyed)],
        claims=[claim_record(stored.claim, stored.lines, keyed)] if stored.claim is not None else [],
        people=[person_record(person, keyed) for person in stored.people],
        standings=[record for listed in stored.standings for record in standing_records(listed, keyed)],
        redemptions=[redemption_record(enrolment, keyed) for enrolment in enrolments],
    )


# --------------------------------------------------------------------------- catalogue


def institution_record(institution: Institution) -> InstitutionRecord:
    """Tell an institution."""
    return InstitutionRecord(
        uscc=institution.uscc,
        name=institution.name,
        division=institution.division,
        suspended=institution.status is InstitutionStatus.SUSPENDED,
        rooms=institution.rooms,
        rooms_before=[RoomsRecord(rooms=one.rooms, until=one.until) for one in institution.rooms_before],
    )


def project_record(project: Project) -> ProjectRecord:
    """Tell a project."""
    return ProjectRecord(
        id=project.id,
        occupation=project.occupation_code,
        level=project.level,
        hours=project.hours,
        fee_fen=project.fee_fen,
    )


# --------------------------------------------------------------------------- people and vouchers


def voucher_record(voucher: Voucher, keyed: Keyed) -> VoucherRecord:
    """Tell a voucher."""
    return VoucherRecord(
        id=voucher.id,
        person=keyed("person", voucher.person_key),
        program=voucher.program_id,
        division=voucher.division,
        status=str(voucher.status),
        face_value_fen=voucher.face_value_fen,
        issued_at=voucher.issued_at,
        claimed_at=voucher.claimed_at,
        redeemed_at=voucher.redeemed_at,
        expires_at=voucher.expires_at,
        institution=voucher.institution,
        enrolment=voucher.enrolment_id,
    )


def enrolment_record(enrolment: Enrolment, keyed: Keyed) -> EnrolmentRecord:
    """Tell an enrolment; a released one changes no more, so its last change is its release."""
    last = enrolment.last_change
    released = enrolment.status is EnrolmentStatus.RELEASED and last is not None
    return EnrolmentRecord(
        id=enrolment.id,
        voucher=enrolment.voucher_id,
        person=keyed("person", enrolment.person_key),
        institution=enrolment.institution,
        project=enrolment.project_id,
        division=enrolment.division,
        status=str(enrolment.status),
        confirmed_at=enrolment.confirmed_at,
        released_at=last.at if released and last is not None else None,
        class_id=enrolment.class_id,
    )


def redemption_record(enrolment: Enrolment, keyed: Keyed) -> RedemptionRecord:
    """Tell the scan that made an enrolment."""
    return RedemptionRecord(
        id=f"scn_{enrolment.id.partition('_')[2]}",
        voucher=enrolment.voucher_id,
        institution=enrolment.institution,
        device=keyed("device", enrolment.device_id),
        network=keyed("network", enrolment.network) if enrolment.network is not None else None,
        outcome="accepted",
        happened_at=enrolment.happened_at,
        received_at=enrolment.confirmed_at,
    )


def refused_scan_record(scan: RefusedScan, keyed: Keyed) -> RedemptionRecord:
    """Tell a scan that was refused."""
    return RedemptionRecord(
        id=scan.id.partition("-")[2],
        voucher=scan.voucher_id,
        institution=scan.institution,
        device=keyed("device", scan.device_id),
        network=keyed("network", scan.network) if scan.network is not None else None,
        outcome="refused",
        reason=scan.code,
        happened_at=scan.happened_at,
        received_at=scan.received_at,
    )


def person_record(person: Person, keyed: Keyed) -> PersonRecord:
    """Tell a person."""
    return PersonRecord(
        person=keyed("person", person.person_key),
        phone_key=keyed("phone", person.phone_digest),
        birth_year=person.birth_year,
        division=person.division,
    )


def standing_records(listed: Standings, keyed: Keyed) -> list[StandingRecord]:
    """Tell what cross-match lists say of a person."""
    return [
        StandingRecord(
            person=keyed("person", listed.person_key),
            list=str(standing.situation),
            since=standing.since.isoformat(),
            until=standing.until.isoformat() if standing.until is not None else None,
            imported_at=standing.listed_at,
        )
        for standing in listed.standings
    ]


# --------------------------------------------------------------------------- classes


def class_record(head: ClassHead, plan: ClassPlan, keyed: Keyed) -> ClassRecord:
    """Tell a class with its timetable as it stands, approved changes in it."""
    return ClassRecord(
        id=head.id,
        institution=head.institution,
        project=head.project_id,
        division=head.division,
        program=head.program_id,
        status=str(head.status),
        site=_site(plan.site),
        room=plan.site.room,
        created_at=head.created_at,
        submitted_at=head.submitted_at,
        approved_at=head.approved_at,
        completion_submitted_at=head.applied_at,
        scored_at=head.scored_at,
        planned_size=head.planned_size,
        lessons=[_lesson(lesson, plan, keyed) for lesson in plan.lessons],
    )


def _lesson(lesson: Lesson, plan: ClassPlan, keyed: Keyed) -> LessonRecord:
    known = lesson.trainer < len(plan.trainers)
    return LessonRecord(
        id=lesson.id,
        starts_at=lesson.starts_at,
        ends_at=lesson.ends_at,
        hours=lesson.hours,
        trainer=keyed("person", plan.trainers[lesson.trainer].person_key) if known else None,
        room=(lesson.site or plan.site).room,
        site=_site(lesson.site) if lesson.site is not None else None,
    )


def _site(site: Site) -> SiteRecord:
    location: Location = site.location
    return SiteRecord(
        lng=location.lng,
        lat=location.lat,
        coord_system=str(location.coord_system),
        radius_m=site.radius_m,
    )


def roster_records(stored: StoredClass, keyed: Keyed) -> list[RosterRecord]:
    """Tell who is on the roster, and who was and left."""
    class_id, known = stored.head.id, {str(enrolment.id): enrolment for enrolment in stored.enrolments}
    records = [
        RosterRecord(
            class_id=class_id,
            enrolment=enrolment_id,
            person=keyed("person", person_key),
            added_at=known[enrolment_id].rostered_at if enrolment_id in known else None,
        )
        for person_key, enrolment_id in stored.roster.items()
    ]
    on_it = set(stored.roster.values())
    records += [
        RosterRecord(
            class_id=class_id,
            enrolment=enrolment.id,
            person=keyed("person", enrolment.person_key),
            added_at=enrolment.rostered_at,
            withdrawn_at=enrolment.last_change.at if enrolment.last_change is not None else None,
        )
        for enrolment in known.values()
        if enrolment.id not in on_it
        and enrolment.class_id == class_id
        and enrolment.status is EnrolmentStatus.WITHDRAWN
    ]
    return sorted(records, key=lambda record: record.enrolment)


def scores_records(sheet: ScoreSheet, keyed: Keyed) -> list[ScoresRecord]:
    """Tell one recording of a class's marks."""
    return [
        ScoresRecord(
            class_id=sheet.id,
            enrolment=mark.enrolment_id,
            theory=mark.theory,
            practice=mark.practice,
            passed=mark.passed,
            entered_at=sheet.scored_at,
            entered_by=keyed("actor", sheet.scored_by),
        )
        for mark in sheet.marks
    ]


def claim_record(claim: Claim, lines: Iterable[Line], keyed: Keyed) -> ClaimRecord:
    """Tell a claim with its lines."""
    return ClaimRecord(
        id=claim.id,
        class_id=claim.class_id,
        institution=claim.institution,
        division=claim.division,
        program=claim.program_id,
        status=str(claim.status),
        submitted_at=claim.submitted_at,
        lines=[
            ClaimLineRecord(
                id=line.id,
                enrolment=line.enrolment_id,
                person=keyed("person", line.person_key),
                amount_fen=line.amount_fen,
                status=str(line.status),
            )
            for line in lines
        ],
    )


# --------------------------------------------------------------------------- attendance


def check_in_records(check_in: CheckIn, keyed: Keyed) -> list[CheckInRecord]:
    """Tell a coming, and a going if there is one."""
    return [
        _check_in_record(check_in, kind, proof, keyed)
        for kind, proof in check_in.proofs.items()
        if kind is not CheckInKind.ROLL_CALL
    ]


def _check_in_record(
    check_in: CheckIn, kind: CheckInKind, proof: CheckInProof, keyed: Keyed
) -> CheckInRecord:
    verdict = check_in.verdict_on(kind)
    outcome = {
        None: "needs_review",
        ReviewVerdict.ACCEPTED: "accepted",
        ReviewVerdict.REJECTED: "refused",
    }[verdict]
    return CheckInRecord(
        id=_check_in_id(check_in.lesson_id, check_in.enrolment_id, str(kind)),
        lesson=check_in.lesson_id,
        enrolment=check_in.enrolment_id,
        kind=str(kind),
        outcome=outcome,
        reason=REVIEW_REJECTED if verdict is ReviewVerdict.REJECTED else None,
        location=_position(proof.place),
        device=keyed("device", proof.device_id),
        network=_network(check_in, kind, keyed),
        happened_at=proof.happened_at,
        received_at=proof.received_at,
        offline=proof.offline or proof.late_uploaded,
        made_up=False,
    )


def _network(check_in: CheckIn, kind: CheckInKind, keyed: Keyed) -> str | None:
    """Give the network of a coming; that of a going is not kept, it would cost a write unit more."""
    known = check_in.network is not None and kind is CheckInKind.IN
    return keyed("network", str(check_in.network)) if known else None


def refused_check_in_record(refused: RefusedCheckIn, keyed: Keyed) -> CheckInRecord:
    """Tell a refused attempt; of one before its enrolment was kept, it is not known."""
    return CheckInRecord(
        id=_check_in_id(refused.lesson_id, keyed("attempt", refused.id), str(refused.kind)),
        lesson=refused.lesson_id,
        enrolment=refused.enrolment_id,
        kind=str(refused.kind),
        outcome="refused",
        reason=refused.code,
        location=_position(refused.place),
        device=keyed("device", refused.device_id),
        network=keyed("network", refused.network) if refused.network is not None else None,
        happened_at=refused.happened_at,
        received_at=refused.received_at,
        offline=refused.offline,
        made_up=False,
    )


def made_up_record(made_up: MakeUp) -> CheckInRecord:
    """Tell a lesson that was made up: it has no position, and its time is when it was entered."""
    outcome = _MADE_UP[made_up.status]
    return CheckInRecord(
        id=_check_in_id(made_up.lesson_id, made_up.enrolment_id, "made_up"),
        lesson=made_up.lesson_id,
        enrolment=made_up.enrolment_id,
        kind=str(CheckInKind.IN),
        outcome=outcome,
        reason=REVIEW_REJECTED if made_up.status is MakeUpStatus.REJECTED else None,
        happened_at=made_up.requested_at,
        received_at=made_up.requested_at,
        offline=False,
        made_up=True,
    )


def footage_record(segment: Segment, keyed: Keyed) -> FootageRecord:
    """Tell a recording."""
    return FootageRecord(
        id=segment.id,
        lesson=segment.lesson_id,
        camera=keyed("camera", f"{segment.institution} {segment.camera_id}"),
        started_at=segment.started_at,
        ended_at=segment.ended_at,
        status=_FOOTAGE.get(segment.status, str(segment.status)),
        bytes=segment.size_bytes,
        sha256=segment.sha256,
        pictures_sha256=segment.pictures_sha256,
        announced_at=segment.announced_at,
        stored_at=segment.registered_at,
    )


def _told(refused: RefusedCheckIn) -> bool:
    return refused.kind is not CheckInKind.ROLL_CALL


def _position(place: DevicePlace) -> Position:
    return Position(
        lng=place.lng,
        lat=place.lat,
        coord_system=str(place.coord_system),
        accuracy_m=place.known_accuracy_m,
        mocked=place.mocked,
    )


def _check_in_id(lesson_id: str, whose: str, kind: str) -> str:
    class_id, number = whole_of("cls", lesson_id)
    return f"chk_{class_id.partition('_')[2]}-{number}.{whose.partition('_')[2]}.{kind}"
