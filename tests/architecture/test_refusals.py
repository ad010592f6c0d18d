"""Refusing is done in one way, and whoever refuses gives the facts that the sentence tells."""

import ast
import functools
from collections import defaultdict
from pathlib import Path
from string import Formatter

import pytest

from chalicelib.kernel import errors
from chalicelib.kernel.errors import Fact, Fault
from chalicelib.kernel.reasons import (
    FACTS,
    FORMS,
    REASONS,
    error,
    facts_told_by,
    facts_told_by_form,
    fault_sentence,
)
from chalicelib.people.eligibility import code_of as code_of_situation
from chalicelib.people.standings.model import Situation

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "chalicelib").rglob("*.py"))
KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type)} - {"Fault"}
PLACE = {"field": {"field", "column"}, "column": {"field", "column"}, "row": {"row"}}
"""What a fault tells of its own place, by what it is given of it."""


@functools.cache
def _calls() -> dict[str, list[tuple[str, ast.Call]]]:
    """Find each call of a function by its bare name, with where it stands."""
    by_name: dict[str, list[tuple[str, ast.Call]]] = defaultdict(list)
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                by_name[node.func.id].append((f"{path.relative_to(ROOT)}:{node.lineno}", node))
    return by_name


def calls(name: str) -> list[tuple[str, ast.Call]]:
    return _calls().get(name, [])


def code_of(call: ast.Call) -> str | None:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) else None


def keywords(call: ast.Call) -> set[str]:
    return {keyword.arg for keyword in call.keywords if keyword.arg is not None}


def test_errors_are_made_by_the_table_alone() -> None:
    made = [place for kind in KINDS for place, _ in calls(kind)]
    assert made == []


def test_each_code_that_is_named_stands_in_the_table() -> None:
    named = {(place, code) for place, call in calls("error") if (code := code_of(call)) is not None}
    assert len(named) > 200
    assert {(place, code) for place, code in named if code not in REASONS} == set()


COMPOSED = {code_of_situation(situation) for situation in Situation}
"""Codes whose second half is a value: see `people/eligibility.py`."""
OF_THE_CONTRACT = {"publicity_running"}
"""The API's page promises these; what they stand against is not refused but waits, and is shown as held."""


def test_each_code_of_the_table_is_raised_somewhere() -> None:
    table = ROOT / "chalicelib" / "kernel" / "reasons.py"
    named = {
        node.value
        for path in FILES
        if path != table
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(REASONS) - named - COMPOSED - OF_THE_CONTRACT == set()
    assert named & OF_THE_CONTRACT == set()


def test_each_refusal_gives_the_facts_that_its_sentence_tells() -> None:
    silent = [
        (place, code, missing)
        for place, call in calls("error")
        if (code := code_of(call)) is not None
        and all(keyword.arg is not None for keyword in call.keywords)
        and (missing := facts_told_by(code) - keywords(call))
    ]
    assert silent == []


def test_both_languages_of_a_sentence_tell_the_same_facts() -> None:
    def named(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    apart = {code for code, reason in REASONS.items() if named(reason.zh) != named(reason.en)}
    assert apart == set()


def test_no_refusal_gives_what_no_sentence_tells() -> None:
    given = {(place, fact) for place, call in calls("error") for fact in keywords(call) - {"faults"}}
    assert {(place, fact) for place, fact in given if fact not in FACTS} == set()


def test_each_fault_gives_the_facts_that_its_sentence_tells() -> None:
    silent = []
    for place, call in calls("Fault"):
        code = code_of(call)
        if code not in REASONS:
            continue
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        facts = given.get("facts")
        if facts is not None and not isinstance(facts, ast.Dict):
            continue  # gathered elsewhere: `error` refuses the fault without them
        told = (
            {key.value for key in facts.keys if isinstance(key, ast.Constant)} if facts is not None else set()
        )
        place_told = {fact for name in given for fact in PLACE.get(str(name), ())}
        missing = facts_told_by(code) - told - place_told
        if missing:
            silent.append((place, code, missing))
    assert silent == []


def test_a_refusal_without_its_facts_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="version_conflict tells version"):
        error("version_conflict")


def test_every_fact_that_a_sentence_tells_has_one_type_and_no_other_has() -> None:
    told = [facts_told_by(code) for code in REASONS] + [facts_told_by_form(form) for form in FORMS]
    assert set(FACTS) == set().union(*told)


@pytest.mark.parametrize(
    "facts", [{"version": "4"}, {"version": None}, {"version": True}, {"version": 4, "colour": "red"}]
)
def test_a_fact_of_another_type_or_of_no_sentence_is_a_mistake_of_ours(facts: dict[str, Fact]) -> None:
    with pytest.raises(TypeError, match="not as FACTS says"):
        error("version_conflict", **facts)  # type: ignore[arg-type] # `faults` is not among them


@pytest.mark.parametrize(
    "fault",
    [
        Fault("missing_field"),
        Fault("too_many_rows", field="rows", facts={"limit": "300000"}),
        Fault("wrong_type", field="size", form="at_least"),
        Fault("wrong_type", form="whole_number"),
    ],
)
def test_a_fault_without_its_facts_is_a_mistake_of_ours(fault: Fault) -> None:
    with pytest.raises(TypeError):
        error("malformed", faults=(fault,))


def test_a_fault_in_a_sheet_is_told_by_its_column() -> None:
    fault = Fault("wrong_type", row=3, column="课时")
    assert error("malformed", faults=(fault,)).faults == (fault,)
    assert fault_sentence(fault, english=True) == "课时 has the wrong type or format."
