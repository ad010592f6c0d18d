"""`make_up_share`: a class leans on attendance that was made up on application (补课、补签).

What was made up has no place, no device and no time of its own: no rule of position or bursts reads it. It
rests on a request of the school and the word of who granted it. Honest classes have few: a phone that was
dead, somebody ill for a week. And once in a while the network fails for a day, and most of a lesson is made
up: such days are left aside, as long as they are few.

    people    several of whom each made up lessons again and again
    share     so much of all attendance made up that dead phones do not add up to it

An example: of 20 trainees nine have two of ten lessons each made up, as much as the policy lets them. That is
18 of 200 arrivals: grave for the people, and told for the share.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import CheckInRecord, Finding, FindingKind, LessonRecord, Severity
from chalicelib.supervision.rules.dossier import Dossier
from chalicelib.supervision.rules.rule import Rule, finding, ids

NAME = "make_up_share"


def evaluate(dossier: Dossier, policy: Policy, _as_of: datetime) -> Iterator[Finding]:
    """Find classes whose attendance leans on make-ups, beyond dead phones and a day without a network."""
    limits = policy.supervision
    failed = failed_days(dossier, limits)
    aside = failed if len(failed) <= limits.made_up_outage_days else set()
    arrivals = [
        record
        for lesson in dossier.lessons
        if shanghai_date(lesson.starts_at) not in aside
        for record in dossier.arrivals.get(lesson.id, ())
    ]
    made_up = [record for record in arrivals if record.made_up]
    if not made_up:
        return
    people = _leaning(arrivals, limits)
    share = len(made_up) / len(arrivals)
    many = len(arrivals) >= limits.made_up_arrivals
    grave = max(limits.made_up_people, limits.made_up_people_share * len(dossier.trainees))
    told = len(people) >= limits.made_up_people_told or (many and share >= limits.made_up_share)
    held = len(people) >= grave or (many and share >= limits.made_up_share_held)
    if not (told or held):
        return
    yield finding(
        dossier,
        NAME,
        Severity.HOLD if held else Severity.WARN,
        (FindingKind.CLASS, dossier.head.id),
        lines=[record.enrolment or "" for record in made_up],
        evidence={
            "made_up": len(made_up),
            "arrivals": len(arrivals),
            "arrivals_made_up_share": round(share, 3),
            "people_making_up": len(people),
            "trainees": len(dossier.trainees),
            "days_left_aside": len(aside),
            "made_up_people": limits.made_up_people,
            "made_up_share": limits.made_up_share,
            "made_up_share_held": limits.made_up_share_held,
            "check_ins": ids(record.id for record in made_up),
        },
        at=max(record.received_at for record in made_up),
    )


def failed_days(dossier: Dossier, limits: Thresholds) -> set[date]:
    """Give the days on which so much was made up that no single phone explains it."""
    days: defaultdict[date, list[LessonRecord]] = defaultdict(list)
    for lesson in dossier.lessons:
        days[shanghai_date(lesson.starts_at)].append(lesson)
    failed = set()
    for day, lessons in days.items():
        arrivals = [record for lesson in lessons for record in dossier.arrivals.get(lesson.id, ())]
        made_up = sum(bool(record.made_up) for record in arrivals)
        if made_up and made_up >= limits.made_up_outage_share * len(arrivals):
            failed.add(day)
    return failed


def _leaning(arrivals: Sequence[CheckInRecord], limits: Thresholds) -> Mapping[str, Sequence[CheckInRecord]]:
    """Give who made up lessons again and again, with these."""
    came: defaultdict[str, list[CheckInRecord]] = defaultdict(list)
    for record in arrivals:
        came[record.enrolment or ""].append(record)
    made_up = {enrolment: [one for one in records if one.made_up] for enrolment, records in came.items()}
    return {
        enrolment: records
        for enrolment, records in sorted(made_up.items())
        if len(records) >= max(limits.made_up_lessons, limits.made_up_lessons_share * len(came[enrolment]))
    }


RULE = Rule[Dossier](
    name=NAME,
    pattern="attendance that leans on lessons made up on application",
    source="found by trying: a fifth of all attendance was made up on requests, and no rule read it",
    evaluate=evaluate,
    thresholds=(
        "made_up_outage_share",
        "made_up_outage_days",
        "made_up_lessons",
        "made_up_lessons_share",
        "made_up_people_told",
        "made_up_people",
        "made_up_people_share",
        "made_up_arrivals",
        "made_up_share",
        "made_up_share_held",
    ),
    spares=(
        "a day without a network: most of it is made up, once",
        "one or two who were ill, or whose phones were broken, for weeks",
        "a make-up here and there",
        "excuses: they give no hours",
    ),
    weak="one lesson of a class that was never held and is made up by all looks like a day without a network",
    only_alike=True,
)
