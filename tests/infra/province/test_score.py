"""The scorer: what counts as found, as a false alarm, as neither."""

from datetime import UTC, datetime

import msgspec
import pytest

from chalicelib.supervision.records.model import Finding, FindingKind, FindingSubject, Severity
from infra.province.labels import ClassLabel, Label, Strength
from infra.province.score import main, score, table

NOW = datetime(2026, 12, 1, tzinfo=UTC)
HONEST = ClassLabel(id="c1", institution="u1", enrolments=["e1", "e2"], looks_like=["bus_group"])
CHEATED = ClassLabel(id="c2", institution="u1", enrolments=["e3", "e4"], looks_like=[])
SHARED = Label(
    case="x1",
    rule="shared_device",
    strength=Strength.BLATANT,
    how="one phone",
    classes=["c2"],
    enrolments=["e3"],
    subjects=["e3", "v3", "p3"],
)
BURST = Label(
    case="x2",
    rule="check_in_burst",
    strength=Strength.SLY,
    how="",
    classes=["c2"],
    enrolments=[],
    subjects=["l2"],
)


def finding(
    rule: str, kind: FindingKind, subject: str, *, severity=Severity.HOLD, class_id=None, lines=()
) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        subject=FindingSubject(kind=kind, id=subject),
        class_id=class_id,
        institution=None,
        lines=lines,
        evidence={},
        at=NOW,
    )


def scored(*findings: Finding):
    return score([SHARED, BURST], [HONEST, CHEATED], findings)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (finding("shared_device", FindingKind.ENROLMENT, "e3"), True),
        (finding("shared_device", FindingKind.PERSON, "p3"), True),
        (finding("shared_device", FindingKind.CLASS, "c2", class_id="c2"), True),
        (finding("shared_device", FindingKind.CLASS, "c2", class_id="c2", lines=["e3", "e4"]), True),
        (finding("shared_device", FindingKind.CLASS, "c2", class_id="c2", lines=["e4"]), False),
        (finding("shared_device", FindingKind.ENROLMENT, "e4", class_id="c2", lines=["e4"]), False),
        (finding("check_in_burst", FindingKind.CLASS, "c2", class_id="c2"), False),
    ],
)
def test_a_case_of_trainees_is_found_by_a_finding_of_its_rule_on_one_of_them(told, found):
    assert scored(told).rules["shared_device"].found[Strength.BLATANT] == found


@pytest.mark.parametrize(
    "told",
    [
        finding("check_in_burst", FindingKind.CLASS, "c2", class_id="c2"),
        finding("check_in_burst", FindingKind.LESSON, "l2"),
        finding("check_in_burst", FindingKind.LESSON, "l9", class_id="c2", lines=["e4"]),
    ],
)
def test_a_case_of_a_class_is_found_by_class_lesson_or_lines(told):
    assert scored(told).rules["check_in_burst"].found[Strength.SLY] == 1


def test_another_rule_on_a_cheated_class_is_neither_hit_nor_false_alarm():
    result = scored(finding("uniform_scores", FindingKind.CLASS, "c2", class_id="c2"))
    assert result.rules["uniform_scores"].beside == {"c2"}
    assert not result.held
    assert [label.case for label in result.missed] == ["x1", "x2"]


def test_an_honest_class_is_held_by_its_lines_and_warned_about_once():
    held = scored(
        finding("uniform_scores", FindingKind.ENROLMENT, "e1", lines=["e1"]),
        finding("footage_gap", FindingKind.CLASS, "c1", class_id="c1", severity=Severity.WARN),
    )
    assert held.held == {"c1"}
    assert not held.warned
    assert held.looks_like == {"bus_group": 1}
    warned = scored(finding("footage_gap", FindingKind.LESSON, "l1", class_id="c1", severity=Severity.WARN))
    assert warned.warned == {"c1"}


def test_a_hold_on_an_institution_holds_all_its_classes_and_a_warning_none():
    assert scored(finding("claim_burst", FindingKind.INSTITUTION, "u1")).held == {"c1"}
    warning = scored(finding("claim_burst", FindingKind.INSTITUTION, "u1", severity=Severity.WARN))
    assert not warning.warned
    assert warning.rules["claim_burst"].strays == 1


def test_what_nobody_knows_is_a_stray():
    assert scored(finding("idle_voucher", FindingKind.VOUCHER, "v99")).rules["idle_voucher"].strays == 1


def test_the_targets_decide_how_the_command_ends(tmp_path, capsys):
    labels, findings = tmp_path / "labels.jsonl", tmp_path / "findings.jsonl"
    labels.write_bytes(b"\n".join(msgspec.json.encode(entry) for entry in (SHARED, BURST, HONEST, CHEATED)))
    good = [
        finding("shared_device", FindingKind.ENROLMENT, "e3"),
        finding("check_in_burst", FindingKind.CLASS, "c2", class_id="c2"),
    ]
    findings.write_bytes(b"\n".join(map(msgspec.json.encode, good)))
    assert main([str(labels), str(findings)]) == 0
    assert "| `shared_device` | 1/1 | - | - | 0 | 0 | 0 | 0 |" in capsys.readouterr().out
    findings.write_bytes(b"\n".join(map(msgspec.json.encode, [*good, finding("x", FindingKind.CLASS, "c1")])))
    assert main([str(labels), str(findings)]) == 1
    assert "of honest classes held" in capsys.readouterr().err
    findings.write_bytes(b"")
    assert main([str(labels), str(findings), "--missed"]) == 1
    told = capsys.readouterr()
    assert "missed shared_device blatant: one phone c2" in told.out
    assert "shared_device: 0% of blatant cases found" in told.err
    assert "0% of sly cases found on average" in told.err


def test_the_table_tells_shares():
    assert "1 honest classes: 1 held (100.00%)" in table(
        scored(finding("uniform_scores", FindingKind.CLASS, "c1", class_id="c1"))
    )
