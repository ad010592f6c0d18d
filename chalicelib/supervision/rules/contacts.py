"""`shared_phone_or_account`: one phone number, or one bank account, for several trainees."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import Finding, FindingKind, PersonRecord, Severity
from chalicelib.supervision.rules.dossier import Dossier, grouped_by
from chalicelib.supervision.rules.rule import Rule, finding, ids

NAME = "shared_phone_or_account"
_PAIR = 2


def evaluate(dossier: Dossier, policy: Policy, as_of: datetime) -> Iterator[Finding]:
    """Find phones and accounts of several people, one of them of this class at least."""
    limits = policy.supervision
    enrolments = {
        dossier.persons[enrolment]: enrolment
        for enrolment in dossier.trainees
        if enrolment in dossier.persons
    }
    people = {record.person: record for record in (*dossier.neighbours.people, *dossier.people)}
    for field in ("phone_key", "account_key"):
        groups = _groups(people, field, enrolments)
        many = [group for group in groups if len(group) >= limits.phone_people]
        pairs = [group for group in groups if len(group) == _PAIR]
        held = [group for group in many if len(group) >= limits.phone_people_held]
        told = [group for group in many if group not in held]
        if len(pairs) >= limits.phone_pairs:
            told += pairs
        for severity, shared in ((Severity.HOLD, held), (Severity.WARN, told)):
            if shared:
                yield finding(
                    dossier,
                    NAME,
                    severity,
                    _subject(dossier, lines := _lines(shared, enrolments)),
                    lines=lines,
                    evidence=_evidence(field, shared, lines, limits),
                    at=_added_at(dossier, lines) or as_of,
                )


def _groups(
    people: Mapping[str, PersonRecord], field: str, enrolments: Mapping[str, str]
) -> list[Sequence[str]]:
    keyed = (record for record in people.values() if getattr(record, field))
    groups = grouped_by(keyed, lambda record: str(getattr(record, field)))
    persons = [sorted(record.person for record in groups[key]) for key in sorted(groups)]
    return [group for group in persons if len(group) > 1 and any(person in enrolments for person in group)]


def _lines(groups: Sequence[Sequence[str]], enrolments: Mapping[str, str]) -> list[str]:
    return sorted(enrolments[person] for group in groups for person in group if person in enrolments)


def _subject(dossier: Dossier, lines: Sequence[str]) -> tuple[FindingKind, str]:
    return (FindingKind.CLASS, dossier.head.id) if len(lines) > 1 else (FindingKind.ENROLMENT, lines[0])


def _evidence(
    field: str, groups: Sequence[Sequence[str]], lines: Sequence[str], limits: Thresholds
) -> Mapping[str, object]:
    return {
        "what": field.removesuffix("_key"),
        "shared": len(groups),
        "people_at_most": max(len(group) for group in groups),
        "people_of_this_class": len(lines),
        "phone_people": limits.phone_people,
        "phone_people_held": limits.phone_people_held,
        "phone_pairs": limits.phone_pairs,
        "enrolments": ids(lines),
    }


def _added_at(dossier: Dossier, lines: Sequence[str]) -> datetime | None:
    added = [row.added_at for row in dossier.roster if row.enrolment in lines and row.added_at is not None]
    return max(added, default=dossier.begins_at)


RULE = Rule[Dossier](
    name=NAME,
    pattern="one phone number or bank account for several trainees, of this class and of others",
    source="audits: an agent's number under a whole list; what was paid to trainees went to one account",
    evaluate=evaluate,
    thresholds=("phone_people", "phone_people_held", "phone_pairs"),
    spares=("siblings or a couple with one phone: a pair is nothing, three are told",),
    weak="an agent with a number for each two people; then devices show it",
    only_alike=True,
)
