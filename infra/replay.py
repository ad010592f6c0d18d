"""Put the records of an export together to dossiers, in memory: what the service does from its tables."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.supervision.rules.attempts import counts
from chalicelib.supervision.rules.dossier import (
    Dossier,
    Neighbours,
    OtherSubsidy,
    VoucherDossier,
    grouped,
    grouped_by,
    occupation_of,
    span_of,
)
from chalicelib.supervision.rules.marks import summary_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from chalicelib.supervision.records.model import (
        CheckInRecord,
        ClaimRecord,
        ClassRecord,
        EnrolmentRecord,
        FootageRecord,
        PersonRecord,
        RosterRecord,
        VoucherRecord,
    )
    from chalicelib.supervision.rules.dossier import ClassMarks
    from infra.exported import Records


class Replay:
    """The records of an export, what finds them, and the dossiers made of them."""

    def __init__(self, records: Records) -> None:
        of = records.by_file
        self._note, self._records = records.note, of
        self._institutions = {record.uscc: record for record in of["institutions"]}
        self._projects = {record.id: record for record in of["projects"]}
        self._vouchers = {record.id: record for record in of["vouchers"]}
        self._people: dict[str, PersonRecord] = {record.person: record for record in of["people"]}
        self._enrolments: dict[str, EnrolmentRecord] = {record.id: record for record in of["enrolments"]}
        self._classes: dict[str, ClassRecord] = {record.id: record for record in of["classes"]}
        self._rosters: Mapping[str, Sequence[RosterRecord]] = grouped(of["rosters"], "class_id")
        self._rows_of: Mapping[str, Sequence[RosterRecord]] = grouped(of["rosters"], "person")
        self._standings = grouped(of["standings"], "person")
        self._scores = grouped(of["scores"], "class_id")
        self._check_ins: Mapping[str, Sequence[CheckInRecord]] = grouped(of["check_ins"], "lesson")
        self._footage: Mapping[str, Sequence[FootageRecord]] = grouped(of["footage"], "lesson")
        self._enrolled = grouped_by(
            (record for record in self._enrolments.values() if record.class_id),
            lambda record: record.class_id or "",
        )
        self._persons = {row.enrolment: row.person for row in of["rosters"]}
        self._persons |= {record.id: record.person for record in self._enrolments.values()}

    @cached_property
    def as_of(self) -> datetime:
        """Give the moment the export tells of: as noted, else the newest that anything was received.

        Raises:
            ValueError: nothing tells it.

        """
        if self._note.as_of is not None:
            return self._note.as_of
        attempts = (*self._records["check_ins"], *self._records["redemptions"])
        received = [record.received_at for record in attempts if record.received_at is not None]
        if not received:
            msg = "neither export.json nor a check-in tells as of when"
            raise ValueError(msg)
        newest: datetime = max(received)
        return newest

    def class_dossiers(self) -> Iterator[Dossier]:
        """Put together a dossier of each class, in the order of their ids."""
        for class_id in sorted(self._classes):
            yield self._class_dossier(self._classes[class_id])

    def voucher_dossiers(self) -> Iterator[VoucherDossier]:
        """Put together a dossier of each redeemed voucher, in the order of their ids."""
        for voucher_id in sorted(self._vouchers):
            voucher = self._vouchers[voucher_id]
            if voucher.redeemed_at is not None:
                enrolment = self._enrolment_of(voucher)
                yield VoucherDossier(
                    voucher=voucher,
                    enrolment=enrolment,
                    training_class=self._class_of(enrolment, voucher.enrolment),
                )

    def _enrolment_of(self, voucher: VoucherRecord) -> EnrolmentRecord | None:
        """Give the enrolment that a voucher names, else the newest that names the voucher."""
        known = self._enrolments.get(voucher.enrolment or "")
        return known if known is not None else self._enrolment_by_voucher.get(voucher.id)

    @cached_property
    def _enrolment_by_voucher(self) -> Mapping[str, EnrolmentRecord]:
        named = [
            record for record in self._enrolments.values() if record.voucher and not _is_released(record)
        ]
        named.sort(
            key=lambda record: (record.confirmed_at is not None, _seconds(record.confirmed_at), record.id)
        )
        return {record.voucher or "": record for record in named}

    def _class_of(self, enrolment: EnrolmentRecord | None, named: str | None) -> ClassRecord | None:
        if enrolment is not None and enrolment.class_id:
            return self._classes.get(enrolment.class_id)
        rostered = self._rostered_in.get(enrolment.id if enrolment is not None else named or "")
        return self._classes.get(rostered or "")

    @cached_property
    def _rostered_in(self) -> Mapping[str, str]:
        rows = sorted(self._records["rosters"], key=lambda row: (row.withdrawn_at is None, row.class_id))
        return {row.enrolment: row.class_id for row in rows}

    # ---------------------------------------------------------------------------------- one class

    def _class_dossier(self, head: ClassRecord) -> Dossier:
        roster, claim = self._rosters.get(head.id, ()), self._claims.get(head.id)
        enrolments = {row.enrolment for row in roster}
        enrolments |= {record.id for record in self._enrolled.get(head.id, ())}
        known = [self._enrolments[key] for key in sorted(enrolments) if key in self._enrolments]
        persons = {row.person for row in roster}
        if claim is not None:
            persons |= {line.person or self._persons.get(line.enrolment, "") for line in claim.lines}
        vouchers = {record.voucher or "" for record in known}
        lessons = [lesson.id for lesson in head.lessons]
        check_ins = [record for lesson in lessons for record in self._check_ins.get(lesson, ())]
        footage = [record for lesson in lessons for record in self._footage.get(lesson, ())]
        return Dossier(
            head=head,
            institution=self._institutions.get(head.institution),
            project=self._projects.get(head.project or ""),
            roster=roster,
            enrolments=known,
            vouchers=[self._vouchers[key] for key in sorted(vouchers) if key in self._vouchers],
            check_ins=check_ins,
            footage=footage,
            scores=self._scores.get(head.id, ()),
            claim=claim,
            people=[self._people[person] for person in sorted(persons) if person in self._people],
            standings=[record for person in sorted(persons) for record in self._standings.get(person, ())],
            neighbours=self._neighbours(head, persons, check_ins, footage),
        )

    def _neighbours(
        self,
        head: ClassRecord,
        persons: Collection[str],
        check_ins: Sequence[CheckInRecord],
        footage: Sequence[FootageRecord],
    ) -> Neighbours:
        elsewhere = self._check_ins_elsewhere(head, persons, check_ins)
        rows = [row for person in persons for row in self._rows_of.get(person, ()) if row.class_id != head.id]
        classes = {row.class_id for row in rows}
        classes |= {self._class_of_lesson[record.lesson] for record in elsewhere}
        classes |= self._classes_beside(head)
        digests = {record.sha256.lower() for record in footage if record.sha256}
        named = {record.enrolment for record in elsewhere}
        return Neighbours(
            classes=[
                self._classes[key] for key in sorted(classes) if key in self._classes and key != head.id
            ],
            rosters=rows,
            check_ins=elsewhere,
            enrolments=[self._enrolments[key] for key in named if key in self._enrolments],
            footage=[
                record
                for digest in sorted(digests)
                for record in self._same_files.get(digest, ())
                if self._class_of_lesson.get(record.lesson) != head.id
            ],
            subsidies=[
                line
                for person in persons
                for line in self._subsidies.get(person, ())
                if line.class_id != head.id
            ],
            people=self._sharers(persons),
            marks=self._marks.get(head.project or "", ()),
        )

    def _classes_beside(self, head: ClassRecord) -> set[str]:
        """Give the classes of the same institution or trainers with a lesson in the span."""
        span = span_of(head)
        if span is None:
            return set()
        keys = {f"institution {head.institution}"} | {
            f"trainer {lesson.trainer}" for lesson in head.lessons if lesson.trainer
        }
        beside = {other for key in keys for other in self._classes_taking.get(key, ())}
        spans = ((other, self._spans[other]) for other in beside)
        return {other for other, (begins, ends) in spans if begins <= span[1] and ends >= span[0]}

    def _check_ins_elsewhere(
        self, head: ClassRecord, persons: Collection[str], check_ins: Sequence[CheckInRecord]
    ) -> list[CheckInRecord]:
        span = span_of(head)
        if span is None:
            return []
        devices = {record.device for record in check_ins if record.device and counts(record)}
        found = {
            record.id: record
            for of, keys in ((self._of_persons, persons), (self._of_devices, devices))
            for key in keys
            for record in of.get(key or "", ())
        }
        return [
            record
            for record in found.values()
            if self._class_of_lesson[record.lesson] != head.id and span[0] <= record.received_at <= span[1]
        ]

    def _sharers(self, persons: Collection[str]) -> list[PersonRecord]:
        keys = {
            key for person in persons if person in self._people for key in _contacts(self._people[person])
        }
        sharers = {record.person: record for key in keys for record in self._contacts_shared.get(key, ())}
        return [record for person, record in sorted(sharers.items()) if person not in persons]

    # ------------------------------------------------------------------- what finds the neighbours

    @cached_property
    def _class_of_lesson(self) -> Mapping[str, str]:
        return {lesson.id: head.id for head in self._classes.values() for lesson in head.lessons}

    @cached_property
    def _spans(self) -> Mapping[str, tuple[datetime, datetime]]:
        """Give from when to when each class with a timetable meets."""
        return {
            head.id: (
                min(lesson.starts_at for lesson in head.lessons),
                max(lesson.ends_at for lesson in head.lessons),
            )
            for head in self._classes.values()
            if head.lessons
        }

    @cached_property
    def _classes_taking(self) -> Mapping[str, Sequence[str]]:
        taken = (
            (what, head.id)
            for head in self._classes.values()
            if head.lessons
            for what in (
                f"institution {head.institution}",
                *(f"trainer {lesson.trainer}" for lesson in head.lessons if lesson.trainer),
            )
        )
        groups = grouped_by(sorted(set(taken)), lambda pair: pair[0])
        return {what: [class_id for _, class_id in pairs] for what, pairs in groups.items()}

    @cached_property
    def _of_persons(self) -> Mapping[str, Sequence[CheckInRecord]]:
        """Give the attempts of the people who have some in two classes or more."""
        return self._in_several_classes(lambda record: self._persons.get(record.enrolment or ""))

    @cached_property
    def _of_devices(self) -> Mapping[str, Sequence[CheckInRecord]]:
        """Give the attempts of the devices that have some in two classes or more."""
        return self._in_several_classes(lambda record: record.device)

    def _in_several_classes(self, key: Any) -> Mapping[str, Sequence[CheckInRecord]]:
        keyed = (
            record
            for record in self._records["check_ins"]
            if key(record) and record.lesson in self._class_of_lesson
        )
        groups = grouped_by(keyed, key)
        return {
            name: records
            for name, records in groups.items()
            if len({self._class_of_lesson[record.lesson] for record in records}) > 1
        }

    @cached_property
    def _same_files(self) -> Mapping[str, Sequence[FootageRecord]]:
        files = grouped_by(
            (record for record in self._records["footage"] if record.sha256),
            lambda record: record.sha256.lower(),
        )
        return {
            digest: records
            for digest, records in files.items()
            if len({record.lesson for record in records}) > 1
        }

    @cached_property
    def _contacts_shared(self) -> Mapping[str, Sequence[PersonRecord]]:
        """Give by phone or account the people with a voucher in use, where there are several."""
        using = {record.person for record in self._enrolments.values() if not _is_released(record)}
        keyed = [
            (key, record)
            for record in self._people.values()
            if record.person in using
            for key in _contacts(record)
        ]
        groups = grouped_by(keyed, lambda pair: pair[0])
        return {key: [record for _, record in pairs] for key, pairs in groups.items()}

    @cached_property
    def _marks(self) -> Mapping[str, Sequence[ClassMarks]]:
        """Give the marks of all classes in figures, by project."""
        summaries = (
            summary_of(
                Dossier(
                    head=head,
                    roster=self._rosters.get(head.id, ()),
                    claim=self._claims.get(head.id),
                    scores=self._scores[head.id],
                )
            )
            for head in self._classes.values()
            if head.id in self._scores
        )
        return grouped_by((one for one in summaries if one is not None), lambda one: one.project)

    @cached_property
    def _claims(self) -> Mapping[str, ClaimRecord]:
        """Give the newest claim for each class."""
        known = self._records["claims"]
        dated = sorted(
            known, key=lambda claim: (claim.submitted_at is not None, _seconds(claim.submitted_at), claim.id)
        )
        return {claim.class_id: claim for claim in dated}

    @cached_property
    def _subsidies(self) -> Mapping[str, Sequence[OtherSubsidy]]:
        """Give all lines of all claims, by person."""
        lines = (
            OtherSubsidy(
                person=line.person or self._persons.get(line.enrolment, line.enrolment),
                claim=claim.id,
                line=line.id,
                class_id=claim.class_id,
                occupation=self._occupation_of(claim),
                claim_status=claim.status,
                line_status=line.status,
                submitted_at=claim.submitted_at,
            )
            for claim in self._records["claims"]
            for line in claim.lines
        )
        return grouped_by(lines, lambda line: line.person)

    def _occupation_of(self, claim: ClaimRecord) -> str | None:
        head = self._classes.get(claim.class_id)
        return occupation_of(self._projects.get(head.project or "")) if head is not None else None


def _contacts(person: PersonRecord) -> Iterable[str]:
    if person.phone_key:
        yield f"phone {person.phone_key}"
    if person.account_key:
        yield f"account {person.account_key}"


def _is_released(enrolment: EnrolmentRecord) -> bool:
    return enrolment.status == "released" or enrolment.released_at is not None


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else 0.0
