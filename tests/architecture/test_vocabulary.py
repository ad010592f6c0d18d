"""What an answer's words can be stands in the document, all of it, and each word is explained."""

import ast
import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

from chalicelib.attendance.model import AttendanceHold
from chalicelib.catalogue.answers import WARNINGS, CatalogueWarningCode
from chalicelib.catalogue.institutions import service as institutions
from chalicelib.catalogue.payees import model as payees
from chalicelib.classes.plans.model import WARNINGS_ONLY
from chalicelib.edge.describing import words
from chalicelib.enrolments.redemption.model import ScanReason
from chalicelib.kernel.reasons import REASONS, Place, codes_in
from chalicelib.people.eligibility import code_of
from chalicelib.people.standings.model import Situation
from chalicelib.subsidies.claims.checks import CheckName
from chalicelib.subsidies.holds import model as holds
from chalicelib.subsidies.holds.model import HoldCode, HoldKind
from chalicelib.subsidies.payability import model as payability

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def schemas() -> Json:
    importlib.import_module("app")
    pages = importlib.import_module("chalicelib.console.pages")
    return dict(pages.made_document()["components"]["schemas"])


def words_in(*pieces: Any) -> set[str]:
    """Give the texts that stand in functions."""
    return {
        node.value
        for piece in pieces
        for node in ast.walk(ast.parse(inspect.getsource(piece)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def keys_in(piece: Any) -> set[str]:
    """Give the keys of the tables that a module writes out."""
    return {
        key.value
        for node in ast.walk(ast.parse(inspect.getsource(piece)))
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }


FIELDS = {
    ("CheckAnswer", "name"): ("CheckName", set(CheckName)),
    ("SubsidiesDifferenceAnswer", "name"): ("CheckName", set(CheckName)),
    ("VerificationAnswer", "reasons"): ("ScanReason", set(ScanReason)),
    ("LineHoldAnswer", "code"): ("HoldCode", set(HoldCode)),
    ("HoldRecordAnswer", "code"): ("HoldCode", set(HoldCode)),
    ("PlacedHoldAnswer", "code"): ("HoldCode", set(HoldCode)),
    ("HoldsRowAnswer", "code"): ("HoldCode", set(HoldCode)),
    ("TraineeAnswer", "holds"): ("AttendanceHold", set(AttendanceHold)),
    ("CatalogueWarning", "code"): ("CatalogueWarningCode", set(CatalogueWarningCode)),
    ("RowWarning", "code"): ("CatalogueWarningCode", set(CatalogueWarningCode)),
    ("WarningAnswer", "code"): ("ClassWarningCode", codes_in(Place.WARNING)),
    ("NoticeAnswer", "code"): ("NoticeCode", codes_in(Place.NOTICE)),
    ("RowErrorAnswer", "code"): ("RowCode", codes_in(Place.ROW)),
    ("RowRefusalAnswer", "code"): ("RowCode", codes_in(Place.ROW)),
    ("ReasonCount", "code"): ("RowCode", codes_in(Place.ROW)),
    ("RefusedRow", "code"): ("RowCode", codes_in(Place.ROW)),
    ("RowFault", "code"): ("RowCode", codes_in(Place.ROW)),
    ("Fault", "code"): ("FaultCode", codes_in(Place.FAULT)),
}


@pytest.mark.parametrize(("owner", "field"), FIELDS)
def test_a_field_with_words_of_the_code_names_their_enumeration(
    schemas: Json, owner: str, field: str
) -> None:
    name, members = FIELDS[owner, field]
    part = schemas[owner]["properties"][field]
    assert part.get("items", part)["$ref"] == f"#/components/schemas/{name}"
    assert set(schemas[name]["enum"]) == {str(member) for member in members}


def test_why_a_list_failed_names_its_enumeration_or_is_null(schemas: Json) -> None:
    for owner in ("ImportSummary", "ImportAnswer"):
        kinds = schemas[owner]["properties"]["failure"]["anyOf"]
        assert kinds == [{"$ref": "#/components/schemas/FileFailure"}, {"type": "null"}]


@pytest.mark.parametrize("name", ["CheckName", "HoldCode", "AttendanceHold", "CatalogueWarningCode"])
def test_each_member_is_explained_in_both_languages(schemas: Json, name: str) -> None:
    chinese, english = words.meaning_of_type(name, schemas[name])
    led_to = set(CheckName) if name == "HoldCode" else set()
    for member in set(schemas[name]["enum"]) - led_to:
        assert member in chinese, member
        assert f"`{member}`" in english, member


def test_every_figure_of_a_check_is_named_in_both_languages() -> None:
    figures = keys_in(payability)
    assert len(figures) > 20
    for told in words.meaning("CheckAnswer", "evidence"):
        assert [figure for figure in figures if figure not in told] == []
        assert [check.value for check in CheckName if check.value not in told] == []


def test_whatever_holds_a_line_has_its_word() -> None:
    checks = {str(check) for check in CheckName} - {"no_hold"}
    kinds = {str(kind) for kind in HoldKind if kind is HoldKind.OBJECTION}
    by_rule = {str(code) for code in holds.LIFTED_BY} - {str(kind) for kind in HoldKind}
    derived = {str(hold) for hold in AttendanceHold} | {"amount"}
    assert {str(code) for code in HoldCode} == checks | kinds | by_rule | derived


def test_no_other_word_is_given_to_a_hold_of_a_check() -> None:
    text = "".join(path.read_text() for path in (ROOT / "chalicelib").rglob("*.py"))
    calls = [
        ast.unparse(node.args[0])
        for node in ast.walk(ast.parse(text.replace("from __future__ import annotations", "")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "check_hold"
    ]
    assert sorted(calls) == ["'amount'", "'eligible_at_date'", "check.name"]


def test_whatever_a_list_says_of_a_holder_is_a_reason_against_a_scan() -> None:
    assert {code_of(situation) for situation in Situation} <= {str(reason) for reason in ScanReason}


def test_whatever_is_said_of_an_entry_of_the_catalogue_has_its_word() -> None:
    said = words_in(institutions._doubts_about, payees.warnings_of) & set(WARNINGS)
    assert {str(code) for code in CatalogueWarningCode} == said | {"payee_proposed"} == set(WARNINGS)


def test_whatever_a_plan_breaks_has_its_word() -> None:
    from chalicelib.classes.plans import model

    said = words_in(model) & set(REASONS)
    assert said == codes_in(Place.WARNING)
    assert codes_in(Place.WARNING) >= WARNINGS_ONLY
    assert not codes_in(Place.FAULT) & WARNINGS_ONLY


def test_what_partial_does_for_marks_is_told() -> None:
    for told in words.meaning_of_parameter("record_scores", "partial"):
        assert "scores_incomplete" in told
        assert "rows_invalid" in told
    for told in words.meaning_of_parameter("replace_roster", "partial"):
        assert "roster_row_unmatched" in told
