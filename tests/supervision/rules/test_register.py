"""The register names every rule of the design once, and the document says what it says."""

import re

import msgspec

from chalicelib.edge.describing.words import told
from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.rules.register import CLASS_RULES, ONLY_ALIKE, VOUCHER_RULES
from infra.rules import PLACE, document

DESIGN = [
    "ineligible_at_date",
    "repeat_subsidy",
    "lesson_overlap",
    "trainer_or_room_overlap",
    "shared_device",
    "identical_coordinates",
    "impossible_travel",
    "mock_location",
    "check_in_burst",
    "footage_gap",
    "early_scores",
    "uniform_scores",
    "idle_voucher",
    "shared_phone_or_account",
    "claim_burst",
]
BY_TRYING = ["offline_check_ins", "make_up_share"]


def test_the_rules_are_those_of_the_design_in_its_order() -> None:
    assert [rule.name for rule in CLASS_RULES] == DESIGN + BY_TRYING
    assert [rule.name for rule in VOUCHER_RULES] == ["idle_voucher"]


def test_the_document_is_written_from_the_register() -> None:
    """`python -m infra.rules` writes it anew."""
    assert PLACE.read_text() == document()


def test_every_threshold_is_read_by_a_rule_and_every_rule_tells_its_own() -> None:
    told = {name for rule in (*CLASS_RULES, *VOUCHER_RULES) for name in rule.thresholds}

    own = {name for name in told if not name.startswith("policy.")}
    assert own == {field.name for field in msgspec.structs.fields(Thresholds)}
    assert all(hasattr(Policy(), name.removeprefix("policy.")) for name in told - own)


def test_what_only_looks_like_cheating_is_marked_so() -> None:
    assert {
        "shared_phone_or_account",
        "check_in_burst",
        "footage_gap",
        "identical_coordinates",
        "make_up_share",
        "offline_check_ins",
        "uniform_scores",
    } == ONLY_ALIKE


def test_every_rule_says_whom_it_spares() -> None:
    assert all(rule.spares and rule.source and rule.pattern for rule in (*CLASS_RULES, *VOUCHER_RULES))


def test_the_document_names_every_rule_and_tells_of_every_list_of_ids_what_it_is_of() -> None:
    fields = told().fields
    for text in fields["rule"]:
        assert [rule.name for rule in (*CLASS_RULES, *VOUCHER_RULES) if rule.name not in text] == []
    named = re.findall(r'"(\w+)": ids\(', "".join(file.read_text() for file in PLACE.parent.glob("*.py")))
    assert len(set(named)) > 5
    for text in fields["CaseFindingAnswer.evidence"]:
        assert [name for name in sorted({*named, "neighbours_left_out"}) if name not in text] == []
