"""`mock_location`: the device itself says that its place is simulated."""

from collections.abc import Iterator
from datetime import datetime

from chalicelib.programs.model import Policy
from chalicelib.supervision.records.model import CheckInRecord, Finding, FindingKind, Severity
from chalicelib.supervision.rules.attempts import counts
from chalicelib.supervision.rules.dossier import Dossier, grouped_by, in_order
from chalicelib.supervision.rules.rule import Rule, finding, ids

NAME = "mock_location"


def evaluate(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find trainees whose device simulated its place, in attempts that count or again and again in vain."""
    limits = policy.supervision
    mocked = grouped_by(
        (record for record in in_order(dossier.check_ins) if _is_mocked(record)),
        lambda record: record.enrolment or "",
    )
    counted = {enrolment for enrolment, records in mocked.items() if any(map(counts, records))}
    for enrolment in sorted(mocked):
        records = mocked[enrolment]
        times = sum(map(counts, records))
        held = times >= limits.mocked_times or (times and len(counted) >= limits.mocked_people)
        if times == 0 and len(records) <= limits.mocked_times:
            continue
        yield finding(
            dossier,
            NAME,
            Severity.HOLD if held else Severity.WARN,
            (FindingKind.ENROLMENT, enrolment),
            lines=[enrolment],
            evidence={
                "times_counted": times,
                "times_refused": len(records) - times,
                "trainees_of_the_class": len(counted),
                "mocked_times": limits.mocked_times,
                "mocked_people": limits.mocked_people,
                "check_ins": ids(record.id for record in records),
            },
            at=records[-1].received_at,
        )


def _is_mocked(record: CheckInRecord) -> bool:
    return record.enrolment is not None and record.location is not None and bool(record.location.mocked)


RULE = Rule[Dossier](
    name=NAME,
    pattern="the device reports a simulated location",
    source="programs that set a phone's place are sold for this; Android tells applications of them",
    evaluate=evaluate,
    thresholds=("mocked_times", "mocked_people"),
    spares=(
        "once: told, not held",
        "refused attempts: two of a trainee are nothing, more are told and not held",
    ),
    weak="phones that hide it; `identical_coordinates` looks at what such programs send",
)
