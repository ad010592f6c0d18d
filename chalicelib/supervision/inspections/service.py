"""Use cases of inspections: drawing a sample, showing it, entering what was found."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.accounts import rights
from chalicelib.aws.keys import keyed_digests
from chalicelib.aws.writes import until_written
from chalicelib.classes.model import ClassHead, ClassStatus
from chalicelib.classes.store import heads_and_plans, recent_heads, rosters_of
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.divisions import groups_below, is_known, is_part_of_group
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.identity import mask_name, mask_phone
from chalicelib.kernel.ids import is_id, new_id, new_secret
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.kernel.repeats import as_a_clock_would
from chalicelib.people.vault.service import open_identities
from chalicelib.programs.model import Card
from chalicelib.programs.service import all_programs
from chalicelib.supervision.cases.model import CaseStatus, case_id_of
from chalicelib.supervision.cases.service import cases_of_area, record_findings
from chalicelib.supervision.cases.store import find_case
from chalicelib.supervision.inspections import store
from chalicelib.supervision.inspections.cards import card_lots, figures_in, worst_card
from chalicelib.supervision.inspections.model import (
    COMING_LESSONS_DAYS,
    FIRST_NONCE,
    PAST_LESSONS_DAYS,
    RECENT_DAYS,
    Inspection,
    InspectionEntry,
    InspectionOutcome,
    InspectionScope,
    InspectionSubject,
    NextSeed,
    commitment_of,
    digest_of,
    draw,
    drawn_of,
    entered,
    finding_of,
    key_of,
    lots_of,
    why_not_enter,
)
from chalicelib.supervision.records.model import Finding

_INSPECTABLE = (
    ClassStatus.APPROVED,
    ClassStatus.CANCEL_REQUESTED,
    ClassStatus.COMPLETION_SUBMITTED,
    ClassStatus.COMPLETION_RETURNED,
    ClassStatus.COMPLETION_APPROVED,
    ClassStatus.SCORED,
    ClassStatus.CLAIMED,
)
_PURPOSE = "inspection-seed"
PEOPLE_MAX = 500
"""A sheet of phones holds so many people: more are several inspections."""


# --------------------------------------------------------------------------- drawing


def create(
    context: Context, *, scope: InspectionScope, division: str, share: float, public_word: str | None
) -> Inspection:
    """Draw a sample of a division by the seed that was committed to, with a word mixed in if one is given.

    Raises:
        Malformed: no such division.
        NotFound: the division is outside the caller's area.
        Refused: `nothing_to_inspect`.

    """
    if not is_known(division):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    rights.require(context.principal, "inspection.create", division=division)
    population = sorted(_population(context, scope, division), key=lambda subject: subject.id)
    if not population:
        raise error("nothing_to_inspect")
    inspection_id = new_id("isp")
    spare, nonce = new_secret("seed whose key is gone"), new_secret("nonce of the next seed")

    def attempt() -> Inspection:
        before = store.find_inspection(inspection_id)
        if before is not None:
            return before  # an earlier run of this very call under a key drew it
        known = store.find_next_seed(division)
        held = known or _first_seed(division)
        committed = _seed_of(held)
        seed = committed or spare
        inspection = Inspection(
            id=inspection_id,
            scope=scope,
            division=division,
            share=share,
            seed=seed,
            commitment=commitment_of(seed),
            committed_at=held.committed_at if committed is not None else None,
            seed_given=public_word is not None,
            public_word=public_word,
            population=len(population),
            population_digest=digest_of(population),
            items=draw(key_of(seed, public_word), population, share=share),
            created_by=context.principal.actor,
            created_at=context.now,
        )
        following = _next_seed(context, division, nonce, known)
        change = change_of(context, "inspection.create")
        store.add_inspection(inspection, used=known, following=following, change=change)
        return inspection

    return until_written(attempt)


def _first_seed(division: str) -> NextSeed:
    """Give what a division's first sample is drawn by: its hash can be read before anybody draws."""
    return NextSeed(
        division=division,
        nonce=FIRST_NONCE,
        commitment=commitment_of(_seeds(division, FIRST_NONCE)[0]),
        committed_at=None,
        number=0,
    )


def _next_seed(context: Context, division: str, nonce: str, before: NextSeed | None) -> NextSeed:
    return NextSeed(
        division=division,
        nonce=nonce,
        commitment=commitment_of(_seeds(division, nonce)[0]),
        committed_at=context.now,
        number=before.number + 1 if before is not None else 1,
    )


def _seed_of(held: NextSeed) -> str | None:
    """Find the seed that fits what was published; None if the key it was made with is gone."""
    fitting = (seed for seed in _seeds(held.division, held.nonce) if commitment_of(seed) == held.commitment)
    return next(fitting, None)


def _seeds(division: str, nonce: str) -> list[str]:
    """Make the seed of a nonce under each live key, the current one first."""
    return [digest.hex() for digest in keyed_digests(_PURPOSE, f"{division} {nonce}")]


def _population(context: Context, scope: InspectionScope, division: str) -> Iterable[InspectionSubject]:
    since = context.now - timedelta(days=RECENT_DAYS)
    heads: dict[str, ClassHead] = {
        head.id: head for head in recent_heads(division, since=since, statuses=_INSPECTABLE)
    }
    cases, cards = _cases_by_subject(division), _cards(context, division)
    if scope is InspectionScope.TRAINEES:
        for roster in rosters_of(heads):
            for enrolment_id in sorted(roster.roster.values()):
                near = cases[enrolment_id] or cases[roster.id]
                yield _subject(enrolment_id, heads[roster.id], near, cards)
        return
    first = context.now - timedelta(days=PAST_LESSONS_DAYS)
    last = context.now + timedelta(days=COMING_LESSONS_DAYS)
    for head, plan in heads_and_plans(heads):
        lessons = [(lesson.id, lesson.starts_at, lesson.ends_at) for lesson in plan.lessons]
        if scope is InspectionScope.CLASSES:
            held = [lesson for lesson in lessons if lesson[2] <= context.now]
            yield _subject(head.id, head, cases[head.id], cards, held)
            continue
        for lesson in lessons:
            if first <= lesson[1] <= last:
                near = cases[lesson[0]] + cases[head.id]
                yield _subject(lesson[0], head, near, cards, [lesson])


def _cards(context: Context, division: str) -> dict[str, Card]:
    """Find which institutions of a division have a card under any policy now."""
    policies = [program.policy for program in all_programs()]
    since = context.now - timedelta(days=max((policy.card_days for policy in policies), default=0))
    found = {uscc: worst_card(policies, own) for uscc, own in figures_in(division, since).items()}
    return {uscc: card for uscc, card in found.items() if card is not None}


def _subject(
    subject_id: str,
    head: ClassHead,
    cases: int,
    cards: Mapping[str, Card],
    lessons: Sequence[tuple[str, datetime, datetime]] = (),
) -> InspectionSubject:
    return InspectionSubject(
        id=subject_id,
        class_id=head.id,
        institution=head.institution,
        division=head.division,
        lots=lots_of(cases, card_lots(cards, head.institution)),
        lessons=lessons,
    )


def _cases_by_subject(division: str) -> Counter[str]:
    """Count the open cases about each class, lesson and trainee of a division."""
    counted: Counter[str] = Counter()
    for status in (CaseStatus.OPEN, CaseStatus.UNDER_REVIEW):
        for case in cases_of_area(division, status):
            counted.update({case.subject_id, *case.class_ids, *case.lines})
    return counted


# --------------------------------------------------------------------------- reading


@dataclass(frozen=True)
class Inspected:
    """An inspection with what was found so far."""

    inspection: Inspection
    entries: Sequence[InspectionEntry]


def read(context: Context, inspection_id: str) -> Inspected:
    """Read an inspection of the caller's area with what was found.

    Raises:
        NotFound: there is none.

    """
    inspection = _required(context, "inspection.read", inspection_id)
    return Inspected(inspection, store.entries_of(inspection.id))


def list_inspections(context: Context, request: PageRequest, *, division: str | None) -> Page[Inspection]:
    """List the inspections of an area, newest first in each city."""
    area = division or context.principal.division
    rights.require(context.principal, "inspection.read", division=area)
    county = area if is_part_of_group(area) else None
    return page_over(
        groups_below(area),
        request,
        lambda group, part: store.inspections_in(group, part, division=county),
    )


def next_commitment(context: Context, division: str | None) -> NextSeed:
    """Show the hash of the seed by which a division's next sample is drawn, the first one too."""
    area = division or context.principal.division
    rights.require(context.principal, "inspection.read", division=area)
    return store.find_next_seed(area) or _first_seed(area)


def _required(context: Context, action: str, inspection_id: str) -> Inspection:
    rights.admit(context.principal, action)
    inspection = store.find_inspection(inspection_id) if is_id(inspection_id, "isp") else None
    if inspection is None:
        raise error("not_found")
    rights.require(context.principal, action, division=inspection.division)
    return inspection


# --------------------------------------------------------------------------- phones


@dataclass(frozen=True)
class Callee:
    """Somebody to call: which trainee, of which class, by which name and phone."""

    enrolment_id: str
    class_id: str
    name: str
    phone: str


def phones(context: Context, inspection_id: str, *, opened: bool) -> list[Callee]:
    """Give whom to call about a sample: its trainees, or those of its classes and lessons' classes.

    Names and phones are masked unless they are asked for, which takes a right of its own. Both open what is
    sealed, so both leave a record of who looked, and at how many.

    Raises:
        NotFound: there is no such inspection in the caller's area.
        Refused: `too_many_people`.

    """
    inspection = _required(context, "inspection.read", inspection_id)
    if opened:
        rights.require(context.principal, "inspection.open_phones", division=inspection.division)
    called = [item.subject for item in inspection.items]
    if inspection.scope is not InspectionScope.TRAINEES:
        rosters = rosters_of(sorted({item.class_id for item in inspection.items}))
        called = sorted(line for roster in rosters for line in roster.roster.values())
    if len(called) > PEOPLE_MAX:
        raise error("too_many_people", most=PEOPLE_MAX)
    enrolments = sorted(
        find_enrolments(called), key=lambda enrolment: (str(enrolment.class_id), enrolment.id)
    )
    identities = open_identities(
        context,
        {enrolment.person_key for enrolment in enrolments},
        subject=inspection.id,
        division=inspection.division,
        purpose="inspection.call" if opened else "inspection.call_masked",
    )
    return [
        Callee(
            enrolment.id,
            str(enrolment.class_id),
            identity.name if opened else mask_name(identity.name),
            identity.phone if opened else mask_phone(identity.phone),
        )
        for enrolment in enrolments
        if (identity := identities.get(enrolment.person_key)) is not None
    ]


# --------------------------------------------------------------------------- entering


def enter(
    context: Context,
    inspection_id: str,
    subject: str,
    *,
    version: int | None,
    outcome: InspectionOutcome,
    note: str | None,
) -> InspectionEntry:
    """Enter what was found of one subject; another person than who entered something of it replaces it.

    A deviation holds the lines that it concerns, by a risk case of its own, before it is entered: should the
    entry get lost, it is entered again, and no deviation is on record that stops nothing. Whatever replaces
    it, the case is decided as every case. A repeat answers like the first, and completes what it left undone.

    Raises:
        NotFound: there is no such inspection in the caller's area, or it did not draw that.
        Forbidden: `self_approval`, the caller entered something of that subject.
        Refused: `version_conflict`.

    """
    inspection = _required(context, "inspection.record", inspection_id)
    drawn_of(inspection, subject)
    change = change_of(context, "inspection.record", reason=note)
    principal = context.principal

    def attempt() -> InspectionEntry:
        before = store.find_entry(inspection.id, subject)
        if before is not None and _is_repeat(context, before, version=version, outcome=outcome, note=note):
            _hold_for(context, inspection, before)
            return before
        refuse(why_not_enter(before, principal.hands, version=version))
        entry = entered(
            inspection, before, subject, outcome=outcome, note=note, by=principal.actor, now=context.now
        )
        _hold_for(context, inspection, entry)
        store.store_entry(entry, before=before, hands=principal.hands, change=change)
        return entry

    return until_written(attempt)


def _is_repeat(
    context: Context,
    entry: InspectionEntry,
    *,
    version: int | None,
    outcome: InspectionOutcome,
    note: str | None,
) -> bool:
    same = (entry.outcome, entry.note, entry.version) == (outcome, note, (version or 0) + 1)
    return same and entry.entered_by in context.principal.own


def _hold_for(context: Context, inspection: Inspection, entry: InspectionEntry) -> None:
    """Hold the lines that a deviation concerns; what other inspections found of the subject stays beside it.

    It is no mark of the call's own success that it is held: the entry is.
    """
    if entry.outcome is not InspectionOutcome.DEVIATION:
        return
    finding = finding_of(inspection, entry)
    case = find_case(case_id_of(finding))
    others = [
        Finding(
            rule=finding.rule,
            severity=told.severity,
            subject=finding.subject,
            class_id=told.class_id,
            institution=told.institution,
            lines=told.lines,
            evidence=told.evidence,
            at=told.at,
        )
        for told in (case.findings if case is not None else ())
        if told.evidence.get("inspections") != finding.evidence["inspections"]
    ]
    with as_a_clock_would():
        record_findings([*others, finding], now=context.now, request_id=context.request_id)


def allowed_on(context: Context, inspected: Inspected) -> dict[str, list[str]]:
    """List for each subject of a sample what this caller may do about it now."""
    found = {entry.subject: entry for entry in inspected.entries}
    division, subjects = inspected.inspection.division, [item.subject for item in inspected.inspection.items]
    return {subject: _offered(context, found.get(subject), division) for subject in subjects}


def _offered(context: Context, entry: InspectionEntry | None, division: str) -> list[str]:
    hands, seen = context.principal.hands, entry.version if entry is not None else None
    return rights.offered(
        context.principal,
        {"enter": "inspection.record"},
        lambda _: why_not_enter(entry, hands, version=seen),
        division=division,
    )
