"""The rules against a small synthetic province: `make supervision` in little, on a seed nobody developed with."""

import pytest

from infra import supervise
from infra.province.generate import generate, labels_beside
from infra.province.labels import Strength, read_labels
from infra.province.score import PLAIN_RECALL_MIN, SLY_RECALL_MIN, read_findings, score

CLASSES = 240
HELD_MAX, WARNED_MAX = 0.02, 0.08
"""Twice, and half more, than the targets of two thousand classes: here one class is half a percent."""


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("province") / "export"
    generate(folder, labels_beside(folder), classes=CLASSES, seed=20261128, fraud=0.02)
    return folder


def test_the_rules_find_what_is_cheated_and_leave_alone_what_is_not(result, capsysbinary):
    assert supervise.main([str(result)]) == 0
    findings = result.parent / "findings.jsonl"
    findings.write_bytes(capsysbinary.readouterr().out)
    judged = score(*read_labels(labels_beside(result)), read_findings(findings))
    found = dict.fromkeys(Strength, 0)
    cases = dict.fromkeys(Strength, 0)
    for rule in judged.rules.values():
        for strength in Strength:
            found[strength] += rule.found[strength]
            cases[strength] += rule.cases[strength]
    assert min(cases.values()) >= 15
    assert found[Strength.BLATANT] == cases[Strength.BLATANT], judged.missed
    assert found[Strength.MODERATE] >= (PLAIN_RECALL_MIN - 0.05) * cases[Strength.MODERATE], judged.missed
    assert judged.sly_recall >= SLY_RECALL_MIN, judged.missed
    assert len(judged.held) <= HELD_MAX * judged.honest
    assert len(judged.warned) <= WARNED_MAX * judged.honest
