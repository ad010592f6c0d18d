"""Everything that supervision reads of an area and a time, record by record, for whoever writes it down."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from chalicelib.catalogue.institutions.store import all_institutions_in
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.projects.store import list_projects
from chalicelib.classes.store import classes_between
from chalicelib.enrolments.model import Enrolment
from chalicelib.enrolments.redemption.store import refused_scans_between
from chalicelib.enrolments.store import enrolments_between
from chalicelib.kernel.paging import LIMIT_MAX, PageRequest
from chalicelib.supervision.records import store
from chalicelib.supervision.records.keys import keyed
from chalicelib.supervision.records.model import Record, StandingRecord
from chalicelib.supervision.records.scope import Scope
from chalicelib.supervision.records.translation import (
    ClassRecords,
    enrolment_record,
    institution_record,
    person_record,
    project_record,
    records_of,
    redemption_record,
    refused_scan_record,
    standing_records,
    voucher_record,
)
from chalicelib.vouchers.model import Voucher
from chalicelib.vouchers.store import VoucherRow, vouchers_alive

_ASKED: Final = "asked"
"""Persons of whom everything was read."""
Emit = Callable[[str, Record], None]
"""Takes one record, and the name of the file that it belongs to."""


def export(scope: Scope, emit: Emit) -> Counter[str]:
    """Hand over the records of an area and a time; give how many of each file.

    These are: the institutions of the area with their refused scans, all projects, the classes of which a
    part lies in the time with all that belongs to them, the enrolments confirmed in it, and the vouchers
    that were good or spent in it, each with its person and what lists say of them. Each record is told
    once.

    It is read by index, a page at a time; in memory are only the names of what was told already.
    """
    told = _Told(emit)
    for project in _projects():
        told.tell("projects", project.id, project_record(project))
    for division in scope.divisions:
        for institution in all_institutions_in(division):
            told.tell("institutions", institution.uscc, institution_record(institution))
            for scan in refused_scans_between(institution.uscc, since=scope.since, until=scope.until):
                told.tell("redemptions", scan.id, refused_scan_record(scan, keyed))
        for class_id in classes_between(division, since=scope.since, until=scope.until):
            stored = store.find_class(class_id)
            if stored is not None:
                told.tell_class(records_of(stored, keyed), [person.person_key for person in stored.people])
        told.tell_vouchers(vouchers_alive(division, since=scope.since, until=scope.until))
        told.tell_enrolments(enrolments_between(division, since=scope.since, until=scope.until))
    return told.counts


@dataclass
class _Told:
    """What was told, so that nothing is told twice."""

    emit: Emit
    counts: Counter[str] = field(default_factory=Counter)
    _names: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def tell(self, name: str, key: str, record: Record) -> None:
        """Tell a record once."""
        if key not in self._names[name]:
            self._names[name].add(key)
            self._hand_over(name, record)

    def _hand_over(self, name: str, record: Record) -> None:
        self.emit(name, record)
        self.counts[name] += 1

    def tell_class(self, records: ClassRecords, person_keys: Iterable[str]) -> None:
        """Tell a class whole. Its own records are of no other class; its people's may be."""
        for institution in records.institutions:
            self.tell("institutions", institution.uscc, institution)
        for enrolment in records.enrolments:
            self.tell("enrolments", enrolment.id, enrolment)
        for scan in records.redemptions:
            self.tell("redemptions", scan.id, scan)
        for voucher in records.vouchers:
            self.tell("vouchers", voucher.id, voucher)
        for person in records.people:
            self.tell("people", person.person, person)
        self._tell_standings(records.standings)
        self._names[_ASKED].update(person_keys)
        for name in ("classes", "rosters", "check_ins", "footage", "scores", "claims"):
            for record in getattr(records, name):
                self._hand_over(name, record)

    def tell_vouchers(self, vouchers: Iterable[Voucher]) -> None:
        """Tell vouchers with their people."""
        for part in store.in_parts(vouchers, LIMIT_MAX):
            for voucher in part:
                self.tell("vouchers", voucher.id, voucher_record(voucher, keyed))
            self._tell_people(voucher.person_key for voucher in part)

    def tell_enrolments(self, enrolments: Iterable[Enrolment]) -> None:
        """Tell enrolments with their scans, their vouchers and their people."""
        for part in store.in_parts(enrolments, LIMIT_MAX):
            for enrolment in part:
                self.tell("enrolments", enrolment.id, enrolment_record(enrolment, keyed))
                scan = redemption_record(enrolment, keyed)
                self.tell("redemptions", scan.id, scan)
            ids = {str(enrolment.voucher_id) for enrolment in part} - self._names["vouchers"]
            rows = store.read_rows((VoucherRow, {"id": voucher_id}) for voucher_id in sorted(ids))
            for voucher in rows.get(VoucherRow, []):
                self.tell("vouchers", voucher.id, voucher_record(voucher, keyed))
            self._tell_people(enrolment.person_key for enrolment in part)

    def _tell_people(self, person_keys: Iterable[str]) -> None:
        fresh = sorted(set(person_keys) - self._names[_ASKED])
        self._names[_ASKED].update(fresh)
        for people, listed in store.read_people(fresh):
            for person in people:
                record = person_record(person, keyed)
                self.tell("people", record.person, record)
            self._tell_standings(one for standings in listed for one in standing_records(standings, keyed))

    def _tell_standings(self, standings: Iterable[StandingRecord]) -> None:
        """Tell what lists say of people: of each person all at once, so a person known here is done with."""
        known = self._names["standings"]
        fresh = [standing for standing in standings if standing.person not in known]
        for standing in fresh:
            self._hand_over("standings", standing)
        known.update(standing.person for standing in fresh)


def _projects() -> Iterator[Project]:
    request = PageRequest(limit=LIMIT_MAX)
    while True:
        page = list_projects(request)
        yield from page.items
        if page.after is None:
            return
        request = PageRequest(limit=LIMIT_MAX, after=page.after)
