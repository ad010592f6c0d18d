"""Puts the dossier of a class together from the tables: itself, its people, and its neighbours.

A class of 30 takes eleven calls and no more however long it runs: five queries for what happened in it, three
for its people and their sightings, one for their phones, two for the other classes of its institution. Only
who shares people, devices, recordings or phones with another class costs more, and that is bounded. A class
that was marked takes one query more: the marks of its project.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.attendance.check_ins.model import CheckInKind
from chalicelib.attendance.check_ins.store import check_ins_of, refused_in
from chalicelib.attendance.footage.store import find_segments
from chalicelib.attendance.make_ups.model import MakeUpKind
from chalicelib.attendance.make_ups.store import make_ups_of
from chalicelib.classes.store import ClassParts, classes_beside, parts_by_class
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.store import enrolments_of, find_enrolments
from chalicelib.kernel.ids import EnrolmentId
from chalicelib.kernel.paging import LIMIT_MAX, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.people.vault.store import find_people
from chalicelib.programs.model import Policy
from chalicelib.programs.service import current_program
from chalicelib.subsidies.claims.model import Claim, Line, claim_id_of
from chalicelib.subsidies.claims.store import find_claims, find_lines
from chalicelib.supervision.dossiers import store
from chalicelib.supervision.dossiers.model import (
    NEIGHBOURS_MAX,
    class_of_segment,
    classes_at,
    devices_in,
    nearest,
    news,
    others,
    phones_of,
    places_of,
    quarters_of,
    shared_with,
    sightings_in,
)
from chalicelib.supervision.records.keys import keyed
from chalicelib.supervision.records.model import CheckInRecord, FootageRecord, PersonRecord, RosterRecord
from chalicelib.supervision.records.store import find_events, with_people
from chalicelib.supervision.records.translation import (
    StoredClass,
    check_in_records,
    class_record,
    enrolment_record,
    footage_record,
    made_up_record,
    person_record,
    records_of,
    refused_check_in_record,
)
from chalicelib.supervision.rules.dossier import Dossier, Neighbours, OtherSubsidy, span_of
from chalicelib.supervision.rules.marks import summary_of

ALIKE_MAX = 20
"""Of so many others with a phone of the class it is asked whether they are trainees."""


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """A dossier with the policy to evaluate it by.

    `division` is where the class is. `met` are classes that this one has newly met, and which are to be
    evaluated again for that. `left_out` counts neighbours that were too many to be read. `beside` are the
    rows that were asked for in the same calls.
    """

    dossier: Dossier
    policy: Policy
    division: str
    met: Sequence[str] = ()
    left_out: int = 0
    beside: Mapping[Any, Sequence[Any]] = field(default_factory=dict)


def gather(
    context: Context, class_id: str, *, also: Mapping[Any, Sequence[dict[str, str]]] | None = None
) -> Gathered | None:
    """Read everything that rules ask about a class, and list it among the sightings; None if there is none.

    `also` are keys of other tables, whose rows cost no call of their own.

    Raises:
        Unavailable: DynamoDB did not answer, or others kept adding to the same sightings; repeat.

    """
    events = find_events(class_id)
    if events is None:
        return None
    seen = sightings_in(events, keyed)
    wanted = {store.SightingRow: [{"what": what} for what in seen], **(also or {})}
    whole, rows = with_people(events, wanted)
    stored = _of_its_own(whole)
    known = {sighting.what: sighting.places for sighting in rows.get(store.SightingRow, [])}
    phones = phones_of(stored.people)
    own = class_record(stored.head, stored.plan, keyed)
    by_quarter = quarters_of(seen, known, span_of(own))
    known |= store.find_sightings([*phones, *by_quarter])
    added = news({**seen, **phones, **{what: {class_id} for what in by_quarter}}, known)
    if added:
        store.add_sightings(added, change_of(context, "sighting.add"))
    around = _Around.of(stored, known)
    return Gathered(
        dossier=_with_marks(_dossier(stored, around)),
        policy=current_program(stored.head.program_id).policy,
        division=stored.head.division,
        met=others(classes_at(known, added), class_id),
        left_out=around.left_out,
        beside={table: rows.get(table, []) for table in also or {}},
    )


def _dossier(stored: StoredClass, around: "_Around") -> Dossier:
    records = records_of(stored, keyed)
    return Dossier(
        head=records.classes[0],
        institution=next(iter(records.institutions), None),
        project=next(iter(records.projects), None),
        roster=records.rosters,
        enrolments=records.enrolments,
        vouchers=records.vouchers,
        check_ins=records.check_ins,
        footage=records.footage,
        scores=records.scores,
        claim=next(iter(records.claims), None),
        people=records.people,
        standings=records.standings,
        neighbours=around.neighbours(),
    )


def _with_marks(dossier: Dossier) -> Dossier:
    """Add the marks of the project's other classes, and keep those of this one for them."""
    own = summary_of(dossier)
    if own is None:
        return dossier
    marks = store.marks_before(own)
    if own not in marks:
        store.keep_marks(own)
    return replace(dossier, neighbours=replace(dossier.neighbours, marks=marks))


def _of_its_own(stored: StoredClass) -> StoredClass:
    """Leave out who only tried to check in: a class's own are on its roster, were, or are claimed for."""
    own, names = _own_people(stored), set(stored.roster.values())
    return replace(
        stored,
        enrolments=[one for one in stored.enrolments if one.id in names or one.class_id == stored.head.id],
        vouchers=[voucher for voucher in stored.vouchers if voucher.person_key in own],
        people=[person for person in stored.people if person.person_key in own],
        standings=[standings for standings in stored.standings if standings.person_key in own],
    )


def _own_people(stored: StoredClass) -> set[str]:
    left = {str(one.person_key) for one in stored.enrolments if one.class_id == stored.head.id}
    return {*stored.roster, *left, *(str(line.person_key) for line in stored.lines)}


# --------------------------------------------------------------------------- neighbours


@dataclass(frozen=True, kw_only=True)
class _Around:
    """What was read around a class: other classes, and of those that share somebody, what they share."""

    classes: Mapping[str, ClassParts]
    people: frozenset[str]
    check_ins: Sequence[CheckInRecord] = ()
    enrolments: Sequence[Enrolment] = ()
    footage: Sequence[FootageRecord] = ()
    subsidies: Sequence[OtherSubsidy] = ()
    alike: Sequence[PersonRecord] = ()
    left_out: int = 0

    @classmethod
    def of(cls, stored: StoredClass, known: Mapping[str, frozenset[str]]) -> "_Around":
        """Read around a class, guided by its sightings."""
        own = stored.head.id
        span = span_of(class_record(stored.head, stored.plan, keyed))
        beside = classes_beside(stored.head.institution, since=span[0], until=span[1]) if span else []
        sharing_people = set(others(places_of("person", known), own))
        sharing = sharing_people | set(others(places_of("device", known), own))
        near = sharing | set(others(places_of("trainer", known), own)) | set(others(beside, own))
        classes = parts_by_class(sorted(near))
        segments = [place for place in places_of("footage", known) if class_of_segment(place) != own]
        people = frozenset(_own_people(stored))
        met = _met(classes, sharing, span, shared_with(known))
        attempts = _attempts(met[:NEIGHBOURS_MAX], people, devices_in(stored), span)
        named = {attempt.enrolment for attempt in attempts if attempt.enrolment is not None}
        named |= {entry for parts in classes.values() for who, entry in parts.roster.items() if who in people}
        enrolments = find_enrolments(sorted(named)) if named else []
        return cls(
            classes=classes,
            people=people,
            check_ins=attempts,
            enrolments=sorted(enrolments, key=lambda enrolment: enrolment.id),
            footage=_footage(segments),
            subsidies=_subsidies(sorted(sharing_people), people),
            alike=_alike(stored, known),
            left_out=max(0, len(met) - NEIGHBOURS_MAX),
        )

    def neighbours(self) -> Neighbours:
        """Tell it as records."""
        added = {enrolment.id: enrolment.rostered_at for enrolment in self.enrolments}
        return Neighbours(
            classes=[
                class_record(parts.head, parts.plan, keyed) for _, parts in sorted(self.classes.items())
            ],
            rosters=[
                RosterRecord(
                    class_id=class_id,
                    enrolment=enrolment_id,
                    person=keyed("person", person),
                    added_at=added.get(EnrolmentId(enrolment_id)),
                )
                for class_id, parts in sorted(self.classes.items())
                for person, enrolment_id in sorted(parts.roster.items())
                if person in self.people
            ],
            check_ins=self.check_ins,
            enrolments=[enrolment_record(enrolment, keyed) for enrolment in self.enrolments],
            footage=self.footage,
            subsidies=self.subsidies,
            people=self.alike,
        )


def _met(
    classes: Mapping[str, ClassParts],
    sharing: set[str],
    span: tuple[datetime, datetime] | None,
    shared: Mapping[str, int],
) -> list[str]:
    """List the classes that share people or devices at the same time, those that share most first."""
    if span is None:
        return []
    own = (span[0].timestamp(), span[1].timestamp())
    spans = {
        class_id: (parts.head.opens_at.timestamp(), parts.head.ends_at.timestamp())
        for class_id, parts in classes.items()
        if class_id in sharing and parts.head.opens_at <= span[1] and parts.head.ends_at >= span[0]
    }
    return nearest(spans, own, len(spans), shared=shared)


def _attempts(
    class_ids: Iterable[str],
    people: frozenset[str],
    devices: set[str],
    span: tuple[datetime, datetime] | None,
) -> list[CheckInRecord]:
    """Read what these people, or these devices, did elsewhere within the span: three queries a class."""
    found: list[CheckInRecord] = []
    for class_id in class_ids:
        for check_in in check_ins_of(class_id):
            used = {proof.device_id for proof in check_in.proofs.values()}
            if check_in.person_key in people or not devices.isdisjoint(used):
                found += check_in_records(check_in, keyed)
        for refused in refused_in(class_id):
            roll_call = refused.kind is CheckInKind.ROLL_CALL
            known = refused.enrolment_id is not None and refused.person_key in people
            if not roll_call and (known or refused.device_id in devices):
                found.append(refused_check_in_record(refused, keyed))
        for made_up in make_ups_of(class_id):
            if made_up.kind is MakeUpKind.MAKE_UP and made_up.person_key in people:
                found.append(made_up_record(made_up))
    within = [record for record in found if span is not None and span[0] <= record.received_at <= span[1]]
    return sorted(within, key=lambda record: record.id)


def _footage(segment_ids: Sequence[str]) -> list[FootageRecord]:
    segments = find_segments([(class_of_segment(name), name) for name in sorted(segment_ids)])
    return sorted((footage_record(segment, keyed) for segment in segments), key=lambda record: record.id)


def _subsidies(class_ids: Sequence[str], people: frozenset[str]) -> list[OtherSubsidy]:
    """Read the lines of other claims that name these people: two calls if there is another class."""
    claims = find_claims([claim_id_of(class_id) for class_id in class_ids]) if class_ids else []
    by_id: dict[str, Claim] = {claim.id: claim for claim in claims}
    lines = find_lines([line_id for claim in claims for line_id in claim.line_ids]) if claims else []
    return [
        _subsidy(line, claim)
        for line in lines
        if line.person_key in people
        for claim in _claims_of(line, by_id)
    ]


def _claims_of(line: Line, by_id: Mapping[str, Claim]) -> list[Claim]:
    return [claim for claim in by_id.values() if line.id in claim.line_ids]


def _subsidy(line: Line, claim: Claim) -> OtherSubsidy:
    return OtherSubsidy(
        person=keyed("person", line.person_key),
        claim=claim.id,
        line=line.id,
        class_id=claim.class_id,
        occupation=line.occupation,
        claim_status=str(claim.status),
        line_status=str(line.status),
        submitted_at=claim.submitted_at,
    )


def _alike(stored: StoredClass, known: Mapping[str, frozenset[str]]) -> list[PersonRecord]:
    """Read who else has a phone of these people, and is enrolled or was."""
    own = {str(person.person_key) for person in stored.people}
    people = sorted(places_of("phone", known) - own)
    if not people:
        return []
    request = PageRequest(limit=LIMIT_MAX)
    enrolled = [
        person for person in people[:ALIKE_MAX] if any(map(_counts, enrolments_of(person, request).items))
    ]
    found = find_people(enrolled) if enrolled else []
    return sorted((person_record(person, keyed) for person in found), key=lambda record: record.person)


def _counts(enrolment: Enrolment) -> bool:
    return enrolment.status is not EnrolmentStatus.RELEASED
