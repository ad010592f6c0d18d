"""Inspections (抽查): a sample that nobody can steer and everybody can draw again.

The seed of a division's next inspection is made, and its SHA-256 published, before anybody asks for one.
Asking uses it up, reveals it, and publishes the hash of the one after. So whoever asks can neither choose the
seed nor try another until they like the sample: each try is an inspection of its own, on record.

A word may be given besides, e.g. one drawn in public: then nobody who knows the service's keys knows the
sample either. It is mixed into the seed and takes its place nowhere, so no word can be tried out beforehand.
A seed that a person gave alone is found on inspections of before only.

The drawing, for who wants to repeat it: each subject has lots, one and one more for each reason to look
closer (an open case, a card of its institution), at most `LOTS_MAX`. A lot is HMAC-SHA256 with the seed as
key (UTF-8) over `<id>#<number>`, numbers from 0, written as hex. Where a word was given, the key is
HMAC-SHA256 with the seed as key over that word, written as hex. Each subject's smallest lot counts, and
those with the smallest of all are drawn.

    seed "s", cls_a with one lot, cls_b with three, a share of 0.5
    cls_a   #0 = 9c…                       9c…
    cls_b   #0 = d2…  #1 = 41…  #2 = e0…   41…   drawn: one of two, rounded up

Minutes of footage to watch are HMAC-SHA256 over `<lesson>#minute#<number>`, as a number modulo the minutes of
the lesson, until there are `MINUTES` different ones. Of a class one lesson is watched: that of the smallest
lot.
"""

import hashlib
import hmac
import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.supervision.cases.model import FOUND_BY, case_id_of_rule
from chalicelib.supervision.records.model import Finding, FindingKind, FindingSubject, Severity


class InspectionScope(StrEnum):
    """What is inspected."""

    CLASSES = "classes"
    LESSONS = "lessons"
    TRAINEES = "trainees"


class InspectionOutcome(StrEnum):
    """What was found of one subject."""

    IN_ORDER = "in_order"
    DEVIATION = "deviation"
    NOT_REACHED = "not_reached"


LOTS_MAX = 6
SAMPLE_MAX = 200
"""More are drawn by several inspections; a record stays small, and nobody calls more people than that."""
MINUTES = 3
RECENT_DAYS = 90
"""Classes that ended no longer ago may be inspected, and those that run. No source fixes it."""
PAST_LESSONS_DAYS = 30
COMING_LESSONS_DAYS = 14
"""Lessons of these days around today may be inspected. No source fixes it."""


class InspectionSubject(msgspec.Struct, frozen=True, kw_only=True):
    """A class, lesson or trainee that may be drawn, with its lots; of one of `lessons` footage is watched."""

    id: str
    class_id: str
    institution: str
    division: str
    lots: int = 1
    lessons: Sequence[tuple[str, datetime, datetime]] = ()


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A subject of a sample: its lots, the one that counted, and the minutes of a lesson to watch."""

    subject: str
    class_id: str
    institution: str
    division: str
    lots: int
    lot: str
    lesson: str | None = None
    minutes: list[datetime] = []


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """A sample as it was drawn. `population` is how many there were, its digest who, with their lots.

    `committed_at` is when the hash of its seed was published; none where it was a division's first, which
    stood published without a date, or where a person gave the seed, as they could before. `public_word` is
    what was given to be mixed in; `seed_given` tells that there is one, or that the seed itself was given.
    """

    id: str
    scope: InspectionScope
    division: str
    share: float
    seed: str
    commitment: str
    committed_at: datetime | None = None
    seed_given: bool
    public_word: str | None = None
    population: int
    population_digest: str
    items: list[Drawn]
    created_by: str
    created_at: datetime
    version: int = 1
    last_change: Change | None = None


class NextSeed(msgspec.Struct, frozen=True, kw_only=True):
    """The hash of a division's next seed, which is shown, and what that seed is made of with a secret key.

    Who reads the table does not know the seed; a changed nonce would not fit the hash. A division's first has
    no row: its nonce is known, its key is not, and nobody wrote down since when its hash could be read.
    """

    division: str
    nonce: str
    commitment: str
    committed_at: datetime | None
    number: int = 1


FIRST_NONCE = "first"


class EarlierEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody entered of a subject, and another person replaced."""

    outcome: InspectionOutcome
    note: str | None = None
    entered_by: str
    entered_at: datetime
    version: int


class InspectionEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one subject of a sample, with what was entered of it before.

    `case_id` is the case that a deviation opened; it stays where the deviation is replaced.
    """

    inspection_id: str
    subject: str
    division: str
    institution: str
    outcome: InspectionOutcome
    note: str | None = None
    entered_by: str
    entered_at: datetime
    earlier: list[EarlierEntry] = []
    case_id: str | None = None
    version: int = 1
    last_change: Change | None = None

    @property
    def all_who_entered(self) -> list[str]:
        """Name everybody who entered anything of this subject."""
        return sorted({self.entered_by, *(earlier.entered_by for earlier in self.earlier)})


# --------------------------------------------------------------------------- drawing


def commitment_of(seed: str) -> str:
    """Give what is published of a seed beforehand: its SHA-256 as hex."""
    return hashlib.sha256(seed.encode()).hexdigest()


def key_of(seed: str, public_word: str | None) -> str:
    """Give the key of the lots: the seed, with the word that was given mixed in."""
    if public_word is None:
        return seed
    return hmac.new(seed.encode(), public_word.encode(), hashlib.sha256).hexdigest()


def lot_of(seed: str, subject: str, number: int) -> str:
    """Give one lot of a subject."""
    return hmac.new(seed.encode(), f"{subject}#{number}".encode(), hashlib.sha256).hexdigest()


def best_lot(seed: str, subject: InspectionSubject) -> str:
    """Give the lot of a subject that counts."""
    return min(lot_of(seed, subject.id, number) for number in range(min(subject.lots, LOTS_MAX)))


def sample_size(population: int, share: float) -> int:
    """Tell how many are drawn: a share of all, rounded up, at least one, and not more than fit."""
    return min(math.ceil(round(population * share, 6)), population, SAMPLE_MAX)


def draw(seed: str, population: Iterable[InspectionSubject], *, share: float) -> list[Drawn]:
    """Draw a sample, in the order of its lots."""
    everyone = list(population)
    by_lot = sorted((best_lot(seed, subject), subject.id, subject) for subject in everyone)
    return [_drawn(seed, subject, lot) for lot, _, subject in by_lot[: sample_size(len(everyone), share)]]


def _drawn(seed: str, subject: InspectionSubject, lot: str) -> Drawn:
    watched = min(subject.lessons, key=lambda lesson: lot_of(seed, lesson[0], 0), default=None)
    return Drawn(
        subject=subject.id,
        class_id=subject.class_id,
        institution=subject.institution,
        division=subject.division,
        lots=min(subject.lots, LOTS_MAX),
        lot=lot,
        lesson=watched[0] if watched is not None else None,
        minutes=minutes_of(seed, *watched) if watched is not None else [],
    )


def minutes_of(seed: str, lesson: str, starts_at: datetime, ends_at: datetime) -> list[datetime]:
    """Give the minutes of a lesson to watch, in their order."""
    length = int((ends_at - starts_at).total_seconds() // 60)
    offsets: set[int] = set()
    number = 0
    while len(offsets) < min(MINUTES, length):
        offsets.add(int(lot_of(seed, f"{lesson}#minute", number), 16) % length)
        number += 1
    return [starts_at + timedelta(minutes=offset) for offset in sorted(offsets)]


def digest_of(population: Iterable[InspectionSubject]) -> str:
    """Tell a population and its lots by one digest: SHA-256 over its lines `<id> <lots>`, sorted."""
    lines = sorted(f"{subject.id} {min(subject.lots, LOTS_MAX)}" for subject in population)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def lots_of(open_cases: int, card_lots: int) -> int:
    """Give the lots of a subject: one, and one more for each reason to look closer."""
    return min(1 + open_cases + card_lots, LOTS_MAX)


# --------------------------------------------------------------------------- entering


def why_not_enter(
    before: InspectionEntry | None, hands: Hands, *, version: int | None = None
) -> DomainError | None:
    """Tell what stands against entering what was found of a subject, or replacing it.

    Who asks for an inspection may enter its results: the sample was not theirs to choose. What was entered is
    replaced by another person than any who entered something of it: else one takes back alone what stops a
    payment, or writes over what another found. `store.store_entry` holds it under races.
    """
    if before is not None and not hands.isdisjoint(before.all_who_entered):
        return error("self_approval")
    known = before.version if before is not None else None
    return error("version_conflict", version=known or 0) if version != known else None


def entered(
    inspection: Inspection,
    before: InspectionEntry | None,
    subject: str,
    *,
    outcome: InspectionOutcome,
    note: str | None,
    by: str,
    now: datetime,
) -> InspectionEntry:
    """Give an entry of what was found; what stood there before stays with it.

    Raises:
        NotFound: the inspection did not draw that.

    """
    drawn = drawn_of(inspection, subject)
    opens = case_id_of_rule(DEVIATION_RULE, _KINDS[inspection.scope], subject)
    is_deviation = outcome is InspectionOutcome.DEVIATION
    return InspectionEntry(
        inspection_id=inspection.id,
        subject=subject,
        division=drawn.division,
        institution=drawn.institution,
        outcome=outcome,
        note=note,
        entered_by=by,
        entered_at=now,
        earlier=_kept(before),
        case_id=opens if is_deviation else before.case_id if before is not None else None,
        version=before.version + 1 if before is not None else 1,
    )


def _kept(before: InspectionEntry | None) -> list[EarlierEntry]:
    if before is None:
        return []
    replaced = EarlierEntry(
        outcome=before.outcome,
        note=before.note,
        entered_by=before.entered_by,
        entered_at=before.entered_at,
        version=before.version,
    )
    return [*before.earlier, replaced]


def drawn_of(inspection: Inspection, subject: str) -> Drawn:
    """Give a subject as an inspection drew it.

    Raises:
        NotFound: it did not.

    """
    drawn = next((item for item in inspection.items if item.subject == subject), None)
    if drawn is None:
        raise error("not_found")
    return drawn


# --------------------------------------------------------------------------- what a deviation stops

DEVIATION_RULE = "inspection_deviation"
"""Under which rule a deviation stands among the findings: people found it, no rule over records."""
_KINDS = {
    InspectionScope.CLASSES: FindingKind.CLASS,
    InspectionScope.LESSONS: FindingKind.LESSON,
    InspectionScope.TRAINEES: FindingKind.ENROLMENT,
}


def finding_of(inspection: Inspection, entry: InspectionEntry) -> Finding:
    """Give a deviation as a finding that holds: a trainee's line, of a class or a lesson everybody's.

    Its evidence names who entered it and what it replaced: they do not judge its case
    (`cases.model.RiskCase.found_by`). The note is not in it: what people write may name somebody.
    """
    kind = _KINDS[inspection.scope]
    return Finding(
        rule=DEVIATION_RULE,
        severity=Severity.HOLD,
        subject=FindingSubject(kind=kind, id=entry.subject),
        class_id=drawn_of(inspection, entry.subject).class_id,
        institution=entry.institution,
        lines=[entry.subject] if kind is FindingKind.ENROLMENT else [],
        evidence={
            "inspections": [inspection.id],
            "entry_version": entry.version,
            FOUND_BY: entry.all_who_entered,
        },
        at=entry.entered_at,
    )
