"""What checkov finds is justified, and it has seen every resource of the template that it has a check for."""

import json
from typing import Any

from infra.deployment.checkov import FILE, scanned, unread

BOOK = json.loads(FILE.read_text())


def test_every_finding_is_justified_in_words() -> None:
    for name, finding in BOOK["findings"].items():
        assert len(finding["justified"].split()) > 15, name
        assert finding["resources"], f"{name} is found no more: take it out"


def test_checkov_has_seen_the_template(template: dict[str, Any]) -> None:
    """`make checkov` looks again, where a resource came or went."""
    assert scanned(template, BOOK["kinds"]) == BOOK["seen"], "run `make checkov`"


def test_what_is_found_is_in_the_template(template: dict[str, Any]) -> None:
    for finding in BOOK["findings"].values():
        assert set(finding["resources"]) <= template["Resources"].keys()


def test_a_finding_that_nobody_has_read_is_told() -> None:
    known = {"CKV_1": {"check": "a lock", "justified": "It stands open by day.", "resources": ["Door"]}}
    assert unread(known, known) == []
    more = {"CKV_1": {**known["CKV_1"], "resources": ["Door", "Gate"]}}
    assert unread(more, known) == ["CKV_1 is found at Gate now"]
    other = {"CKV_2": {"check": "a bell", "resources": ["Door"]}}
    assert unread(other, known) == ["CKV_2 has no justification: a bell", "CKV_2 is found at Door now"]
