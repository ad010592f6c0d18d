"""Where each code may stand, in the table of reasons, in the code that refuses and in the API's document."""

import ast
import importlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.edge.describing import codes
from chalicelib.kernel.closing import Undecided
from chalicelib.kernel.reasons import IN_NO_ANSWER, REASONS, Place, codes_in, places_of
from infra.contract.refusals import _codes
from tests.architecture.test_refusals import calls

Json = dict[str, Any]


@pytest.fixture(scope="module")
def doc() -> Json:
    importlib.import_module("app")
    pages = importlib.import_module("chalicelib.console.pages")
    return dict(pages.made_document())


def _words(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and part.value in REASONS:
            yield part.value


def _enumerated(document: Any) -> Iterator[str]:
    if isinstance(document, list):
        for part in document:
            yield from _enumerated(part)
    if isinstance(document, dict):
        yield from (member for member in document.get("enum", []) if isinstance(member, str))
        for part in document.values():
            yield from _enumerated(part)


def _members(doc: Json, place: Place) -> set[str]:
    return set(doc["components"]["schemas"][codes.NAMES[place][0]]["enum"])


def _of_problems(doc: Json) -> set[str]:
    schemas = doc["components"]["schemas"]
    problems = [schema for name, schema in schemas.items() if re.fullmatch(r"\w*Problem\d{3}", name)]
    return {code for schema in problems for code in schema["properties"]["code"]["enum"]}


def test_every_code_of_the_documentation_stands_in_an_enumeration_of_the_document(doc: Json) -> None:
    assert set(REASONS) - set(_enumerated(doc["components"]["schemas"])) == IN_NO_ANSWER.keys()


def test_every_code_that_an_enumeration_of_the_document_has_stands_in_the_documentation(doc: Json) -> None:
    told = _of_problems(doc).union(*(_members(doc, place) for place in codes.NAMES))
    assert told - set(REASONS) == {"internal_error"}


def test_the_document_has_each_code_where_the_table_says_that_it_may_stand(doc: Json) -> None:
    assert _of_problems(doc) - {"internal_error"} <= codes_in(Place.PROBLEM)
    for place in codes.NAMES:
        assert _members(doc, place) == codes_in(place), place
    for code in REASONS:
        assert bool(places_of(code)) != (code in IN_NO_ANSWER), code


def test_a_code_that_a_refusal_is_made_with_is_one_of_refusals() -> None:
    made = {code for _, call in calls("error") for code in _words(call.args[0])}
    assert len(made) > 150
    assert made - codes_in(Place.PROBLEM) - IN_NO_ANSWER.keys() == set()


OF_LISTS_ALONE = ("chalicelib/people/lists/",)
"""What is wrong in these sheets stands in an answer, for nothing is refused."""


def test_a_code_that_a_mistake_is_made_with_is_one_of_mistakes_or_of_rows() -> None:
    made = [
        (place, code, Place.ROW if place.startswith(OF_LISTS_ALONE) else Place.FAULT)
        for name in ("Fault", "CellFault", "RowFault", "fault_in", "_wrong")
        for place, call in calls(name)
        for argument in call.args
        for code in _words(argument)
    ]
    assert len(made) > 80
    assert [(place, code) for place, code, where in made if code not in codes_in(where)] == []


def test_what_is_told_of_a_row_of_a_sheet_of_people_can_stand_in_a_refusal_and_in_an_answer() -> None:
    for place, call in calls("fault_in"):
        for code in {code for argument in call.args for code in _words(argument)}:
            assert code in codes_in(Place.ROW) & codes_in(Place.FAULT), (place, code)


def test_what_waits_for_a_decision_is_told_as_a_mistake() -> None:
    assert {one.value for one in Undecided} <= codes_in(Place.FAULT)


def test_whatever_makes_a_list_fail_is_among_the_reasons_of_its_failure() -> None:
    from chalicelib.sheets.reading import read_lines

    of_cells = {"formula_error", "formula_without_value", "unreadable_cell", "merged_cell"}
    assert _codes(read_lines) - of_cells <= codes_in(Place.FILE)


def test_a_notice_is_nothing_that_a_refusal_is_for(doc: Json) -> None:
    for notice in ("read_as", "tidied", "column_ignored"):
        assert places_of(notice) == [Place.NOTICE]
        assert notice not in _of_problems(doc)


def test_only_what_has_a_cursor_can_be_refused_for_it(doc: Json) -> None:
    refused, paged = set(), set()
    for item in doc["paths"].values():
        for operation in item.values():
            problem = operation["responses"]["400"]["content"]["application/problem+json"]["schema"]
            schema = doc["components"]["schemas"][problem["$ref"].rpartition("/")[2]]
            if "invalid_cursor" in schema["properties"]["code"]["enum"]:
                refused.add(operation["operationId"])
            if any(field.get("name") == "cursor" for field in operation["parameters"]):
                paged.add(operation["operationId"])
    assert len(paged) > 30
    assert refused == paged | {"verify_ledger"}, "whose body goes on after what the answer before it named"


def _codes_told(doc: Json, name: str) -> set[str]:
    schemas = doc["components"]["schemas"]
    operation = next(
        operation
        for item in doc["paths"].values()
        for operation in item.values()
        if operation["operationId"] == name
    )
    return {
        code
        for status, response in operation["responses"].items()
        if status >= "4"
        for media in response["content"].values()
        for code in schemas[media["schema"]["$ref"].rpartition("/")[2]]["properties"]["code"]["enum"]
    }


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("redeem_voucher", "release_too_late"),
        ("show_voucher_qr", "version_conflict"),
        ("get_roster_template", "version_conflict"),
        ("get_scores_template", "version_conflict"),
        ("propose_payee", "payee_reason_missing"),
    ],
)
def test_an_operation_tells_no_code_of_what_may_only_be_done_next(
    doc: Json, operation: str, code: str
) -> None:
    assert code not in _codes_told(doc, operation)


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("release_enrolment", "release_too_late"),
        ("replace_roster", "roster_row_unmatched"),
        ("record_scores", "scores_incomplete"),
        ("record_scores", "rows_invalid"),
        ("list_scans", "invalid_cursor"),
        ("redeem_voucher", "staff_is_trainee"),
        ("create_class", "no_lessons"),
        ("submit_class", "hours_too_few"),
        ("claim_voucher", "version_conflict"),
    ],
)
def test_an_operation_tells_the_codes_of_what_it_does_itself(doc: Json, operation: str, code: str) -> None:
    assert code in _codes_told(doc, operation)
