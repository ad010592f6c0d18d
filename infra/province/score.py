"""`python -m infra.province.score LABELS FINDINGS`: what rules found of a province, against its labels.

How it is counted:

- A case is found when a finding *of its rule* names what it is about: for a case of certain trainees, one of
  them, as the subject or among the lines (a finding on the class whose lines are empty means all of them);
  for a case of a whole class, the class, one of its lessons, or lines of its.
- An honest class is one that no case touches. It is held, or warned about, when a finding names it, its
  enrolments or its lines; a finding on an institution without lines counts against all its classes if it
  holds. Held ones are not counted as warned about once more.
- A class touched by fraud of one pattern and found by another rule is neither a hit nor a false alarm: it is
  shown as `beside`.
- A finding that names nothing the labels know (a voucher of nobody's class, say) is a `stray`, and shown.

Ends with 1 unless: blatant and moderate cases of each pattern are found in 95 of 100, sly ones in 70 of 100
on average, and at most 1 in 100 honest classes is held, at most 5 in 100 warned about.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from chalicelib.supervision.records.model import Finding, FindingKind, Severity
from infra.province.labels import ClassLabel, Label, Strength, read_labels

PLAIN_RECALL_MIN = 0.95
SLY_RECALL_MIN = 0.70
HELD_MAX = 0.01
WARNED_MAX = 0.05


@dataclass
class RuleScore:
    """What one rule found: cases by strength, honest classes, classes of other patterns."""

    found: dict[Strength, int] = field(default_factory=lambda: dict.fromkeys(Strength, 0))
    cases: dict[Strength, int] = field(default_factory=lambda: dict.fromkeys(Strength, 0))
    held: set[str] = field(default_factory=set)
    warned: set[str] = field(default_factory=set)
    beside: set[str] = field(default_factory=set)
    strays: int = 0

    def recall(self, *strengths: Strength) -> float | None:
        """Give the share of cases found, None where there are none."""
        cases = sum(self.cases[strength] for strength in strengths)
        return sum(self.found[strength] for strength in strengths) / cases if cases else None


@dataclass
class Score:
    """The whole table."""

    rules: dict[str, RuleScore]
    honest: int
    missed: list[Label]
    looks_like: Mapping[str, int]

    @property
    def held(self) -> set[str]:
        """Honest classes that a finding holds."""
        return set().union(*(rule.held for rule in self.rules.values()))

    @property
    def warned(self) -> set[str]:
        """Honest classes that are only warned about."""
        return set().union(*(rule.warned for rule in self.rules.values())) - self.held

    @property
    def sly_recall(self) -> float | None:
        """The share of sly cases found, on average over the patterns."""
        shares = [share for rule in self.rules.values() if (share := rule.recall(Strength.SLY)) is not None]
        return sum(shares) / len(shares) if shares else None

    def failures(self) -> list[str]:
        """Say which targets are missed."""
        failed = []
        for name, rule in self.rules.items():
            for strength in (Strength.BLATANT, Strength.MODERATE):
                share = rule.recall(strength)
                if share is not None and share < PLAIN_RECALL_MIN:
                    failed.append(f"{name}: {share:.0%} of {strength} cases found")
        if self.sly_recall is not None and self.sly_recall < SLY_RECALL_MIN:
            failed.append(f"{self.sly_recall:.0%} of sly cases found on average")
        if self.honest:
            if len(self.held) / self.honest > HELD_MAX:
                failed.append(f"{len(self.held) / self.honest:.1%} of honest classes held")
            if len(self.warned) / self.honest > WARNED_MAX:
                failed.append(f"{len(self.warned) / self.honest:.1%} of honest classes warned about")
        return failed


class _Known:
    """The labels by what a finding may name."""

    def __init__(self, cases: Sequence[Label], classes: Sequence[ClassLabel]) -> None:
        self.cases = {label.case: label for label in cases}
        self.class_of = {enrolment: entry.id for entry in classes for enrolment in entry.enrolments}
        self.ids = {entry.id for entry in classes}
        self.by_institution: defaultdict[str, list[str]] = defaultdict(list)
        for entry in classes:
            self.by_institution[entry.institution].append(entry.id)
        self.touched: defaultdict[str, set[str]] = defaultdict(set)
        self.by_rule_and_name: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self.names: set[str] = set()
        for label in cases:
            for class_id in label.classes:
                self.touched[class_id].add(label.rule)
            for name in {*label.classes, *label.enrolments, *label.subjects}:
                self.by_rule_and_name[label.rule, name].append(label.case)
                self.names.add(name)

    def cases_of(self, finding: Finding) -> Iterator[str]:
        """Give the cases that a finding tells of."""
        subject = finding.subject.id
        lines = finding.lines
        names = [subject, *lines] + ([finding.class_id] if finding.class_id else [])
        names += [self.class_of[line] for line in lines if line in self.class_of]
        for name in dict.fromkeys(names):
            for case_id in self.by_rule_and_name.get((finding.rule, name), ()):
                case = self.cases[case_id]
                of_trainees = bool(case.enrolments)
                if (
                    not of_trainees
                    or subject in case.subjects
                    or not lines
                    or set(lines) & set(case.enrolments)
                ):
                    yield case_id

    def classes_of(self, finding: Finding) -> set[str]:
        """Give the classes that a finding speaks of, or stops."""
        named = {self.class_of[line] for line in finding.lines if line in self.class_of}
        named |= {name for name in (finding.class_id, finding.subject.id) if name in self.ids}
        if finding.subject.id in self.class_of:
            named.add(self.class_of[finding.subject.id])
        is_all = finding.subject.kind is FindingKind.INSTITUTION and not finding.lines and not named
        if is_all and finding.severity is Severity.HOLD:
            named |= set(self.by_institution.get(finding.subject.id, ()))
        return named


def score(cases: Sequence[Label], classes: Sequence[ClassLabel], findings: Iterable[Finding]) -> Score:
    """Compare findings with labels."""
    known = _Known(cases, classes)
    rules: defaultdict[str, RuleScore] = defaultdict(RuleScore)
    for label in cases:
        rules[label.rule].cases[label.strength] += 1
    found: set[str] = set()
    for finding in findings:
        rule = rules[finding.rule]
        hits = set(known.cases_of(finding))
        found |= hits
        named = known.classes_of(finding)
        if not hits and not named and not {finding.subject.id, *finding.lines} & known.names:
            rule.strays += 1
        for class_id in named:
            touched = known.touched.get(class_id)
            if not touched:
                (rule.held if finding.severity is Severity.HOLD else rule.warned).add(class_id)
            elif finding.rule not in touched:
                rule.beside.add(class_id)
    for label in cases:
        if label.case in found:
            rules[label.rule].found[label.strength] += 1
    honest = [entry for entry in classes if entry.id not in known.touched]
    alarmed = set().union(*(rule.held | rule.warned for rule in rules.values()))
    return Score(
        rules=dict(sorted(rules.items())),
        honest=len(honest),
        missed=[label for label in cases if label.case not in found],
        looks_like=_mistaken(entry for entry in honest if entry.id in alarmed),
    )


def _mistaken(alarmed: Iterable[ClassLabel]) -> Mapping[str, int]:
    """Count what the honest classes look like that a finding names."""
    counts = Counter(name for entry in alarmed for name in entry.looks_like or ("nothing in particular",))
    return dict(counts.most_common())


def _cell(rule: RuleScore, strength: Strength) -> str:
    return f"{rule.found[strength]}/{rule.cases[strength]}" if rule.cases[strength] else "-"


def table(result: Score) -> str:
    """Lay the score out as a table to be read, and to stand in a document."""
    lines = [
        "| rule | blatant | moderate | sly | honest held | honest warned | beside | strays |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{name}` | {_cell(rule, Strength.BLATANT)} | {_cell(rule, Strength.MODERATE)} "
        f"| {_cell(rule, Strength.SLY)} | {len(rule.held)} | {len(rule.warned - rule.held)} "
        f"| {len(rule.beside)} | {rule.strays} |"
        for name, rule in result.rules.items()
    ]
    honest = max(1, result.honest)
    sly = result.sly_recall
    summary = (
        f"{result.honest:,} honest classes: {len(result.held)} held ({len(result.held) / honest:.2%}), "
        f"{len(result.warned)} warned about ({len(result.warned) / honest:.2%}); "
        f"sly cases found on average: {'-' if sly is None else f'{sly:.0%}'}."
    )
    return "\n".join([*lines, "", summary])


def read_findings(path: Path) -> Iterator[Finding]:
    """Read findings, one a line."""
    decoder = msgspec.json.Decoder(Finding)
    with path.open("rb") as lines:
        for line in lines:
            if line.strip():
                yield decoder.decode(line)


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="infra.province.score", description=__doc__)
    parser.add_argument("labels", type=Path)
    parser.add_argument("findings", type=Path)
    parser.add_argument("--missed", action="store_true", help="list the cases nobody found")
    asked = parser.parse_args(arguments)
    cases, classes = read_labels(asked.labels)
    result = score(cases, classes, read_findings(asked.findings))
    print(table(result))
    if result.looks_like:
        told = ", ".join(f"{name} {count}" for name, count in result.looks_like.items())
        print(f"What honest classes with a finding look like: {told}.")
    if asked.missed:
        for label in result.missed:
            print(f"missed {label.rule} {label.strength}: {label.how} {' '.join(label.classes)}")
    failures = result.failures()
    for failure in failures:
        print(f"below the target: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
