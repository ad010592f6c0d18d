"""Each field that a form of the pages sends has a label: no refusal shows its code, and an id stays an id."""

import ast
import importlib
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect

import chalicelib
from chalicelib.accounts.model import CLIENT
from chalicelib.accounts.rights import RIGHTS
from chalicelib.console.staff import fields
from chalicelib.console.staff.actions import ACTS, MAKES
from chalicelib.console.staff.fields import label, named
from chalicelib.console.staff.settings import GROUPS, settings_of
from chalicelib.edge.http import VIEWS

CODE = Path(chalicelib.__file__).parent
NAMELESS = ("此项", "This field")
PAGES_OWN = {
    ("POST", "/v1/classes"): ("desk.save",),
    ("PUT", "/v1/classes/{class_id}"): ("desk.save",),
    ("POST", "/v1/classes/{class_id}/changes"): ("desk.change",),
    ("PUT", "/v1/institutions/{uscc}"): ("entry.save",),
    ("PUT", "/v1/projects/{project_id}"): ("entry.save",),
    ("POST", "/v1/imports"): ("list.upload",),
    ("POST", "/v1/subsidy-claims/{claim_id}/documents"): ("document.announce",),
    ("POST", "/v1/lessons/{lesson_id}/footage"): ("footage.announce",),
    ("POST", "/v1/lessons/{lesson_id}/footage/{footage_id}/parts"): ("footage.parts",),
    ("POST", "/v1/lessons/{lesson_id}/footage/{footage_id}/complete"): ("footage.complete",),
    ("POST", "/v1/objection-decisions"): ("bulk.resolve",),
    ("POST", "/v1/claim-decisions"): ("bulk.review", "bulk.return"),
    ("POST", "/v1/programs/{program_id}/policy"): ("policy.check", "policy.save"),
    ("POST", "/v1/auth/tokens"): ("sign_in",),
    ("POST", "/v1/auth/activate"): ("activate",),
    ("POST", "/v1/verifications"): ("scan.look",),
    ("POST", "/v1/enrolments"): ("scan.redeem",),
}
"""What pages send in their own way, as which decision; the code is read to tell that nothing is left out."""


def sent_by_pages_own_forms() -> set[tuple[str, str]]:
    """Read out of the code of the pages what they ask for by a method and a path of their own."""
    found = set()
    for file in (CODE / "console").rglob("*.py"):
        tree = ast.parse(file.read_text())
        module = importlib.import_module(".".join(file.relative_to(CODE.parent).with_suffix("").parts))
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "ask"
            ):
                method, path = node.args[:2]
                if isinstance(method, ast.Constant) and method.value in ("POST", "PUT"):
                    paths = texts_of(path, module, tree)
                    assert paths, (file, node.lineno)
                    found |= {(method.value, one) for one in paths}
    return found


def texts_of(node: ast.expr, module: Any, tree: ast.AST) -> set[str]:
    """Give what an expression may say: a text, a constant of its module, or what a variable is set to."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.Name(id=name) if hasattr(module, name):
            return {getattr(module, name)}
        case ast.Name(id=name):
            pairs = [pair for one in ast.walk(tree) if isinstance(one, ast.Assign) for pair in set_by(one)]
            values = [value for target, value in pairs if isinstance(target, ast.Name) and target.id == name]
            return {text for value in values for text in texts_of(value, module, tree)}
        case ast.JoinedStr(values=parts):
            inner = [one.value if isinstance(one, ast.FormattedValue) else one for one in parts]
            return {"".join(said) for said in product(*(texts_of(one, module, tree) for one in inner))}
    return set()


def set_by(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    target = node.targets[0]
    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
        return list(zip(target.elts, node.value.elts, strict=True))
    return [(target, node.value)]


def paths_in(kind: inspect.Type, at: str = "") -> Iterator[str]:
    """Name every field of a body as refusals do: `lessons[0].starts_at`."""
    match kind:
        case inspect.UnionType(types=types):
            for one in types:
                yield from paths_in(one, at)
        case inspect.StructType(fields=parts):
            for part in parts:
                inner = f"{at}.{part.encode_name}" if at else part.encode_name
                yield inner
                yield from paths_in(part.type, inner)
        case inspect.ListType(item_type=item):
            yield f"{at}[0]"
            yield from paths_in(item, f"{at}[0]")


def body_of(method: str, path: str) -> list[str]:
    body = VIEWS[method, path][0].body
    return list(dict.fromkeys(paths_in(inspect.type_info(body)))) if body is not None else []


def sent() -> Iterator[tuple[str, str]]:
    """Give every field that a form can send, with the decision it is sent as."""
    for kind, acts in [*ACTS.items(), ("new", MAKES)]:
        for action, act in acts.items():
            typed = {field.name for field in act.fields}
            yield from ((f"{kind}.{action}", name) for name in typed)
            for path in body_of(act.method, act.path):
                if re.split(r"[.\[]", path)[0] in typed:
                    yield f"{kind}.{action}", path
    for (method, path), decisions in PAGES_OWN.items():
        for do in decisions:
            yield from ((do, name) for name in body_of(method, path))
    for setting in settings_of(name for _, names in GROUPS for name in names):
        yield from (("policy.check", setting.name), ("policy.save", f"policy.{setting.name}"))
    for do, own in fields._OWN.items():
        yield from ((do, name) for name in own)


def test_every_field_that_a_form_sends_is_said_by_a_label(api: Any) -> None:
    assert sent_by_pages_own_forms() == set(PAGES_OWN)
    told = list(dict.fromkeys(sent()))
    assert len(told) > 400, "all forms, and the parts of what they send"
    for do, path in told:
        chinese, english = (label(do, path, english=one) for one in (False, True))
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese), (do, path, chinese)
        for one in (chinese, english):
            assert one != path, (do, path)
            assert not re.search(r"\b[a-z]+_[a-z_]+\b|\[\d+\]", one), (do, path, one)
            assert not any(word in one for word in NAMELESS), (do, path, one)


@pytest.mark.parametrize(
    ("do", "path", "chinese", "english"),
    [
        ("entry.save", "fee_fen", "收费标准（元）", "Fee (yuan)"),
        ("desk.change", "new_trainers[0].id_number", "新增教师 身份证号", "The new trainer ID number"),
        ("policy.save", "pay_rate.passed", "合格者支付比例（%）", "Paid for who passed (%)"),
        ("policy.save", "policy.red_card.confirmed_cases", "红牌：查实案件数", "Red: confirmed cases"),
        ("policy.check", "red_card.confirmed_cases", "红牌：查实案件数", "Red: confirmed cases"),
    ],
)
def test_a_field_that_looks_like_an_id_is_said_by_its_label(
    do: str, path: str, chinese: str, english: str
) -> None:
    assert label(do, path, english=False) == chinese
    assert label(do, path, english=True) == english


@pytest.mark.parametrize("path", ["pay_rate", "set_off_arrears", "red_card"])
def test_a_field_of_the_document_is_said_in_words_also_where_no_form_has_it(path: str) -> None:
    assert label("", path, english=False) not in (path, NAMELESS[0])
    assert label("", path, english=True) not in (path, NAMELESS[1])


@pytest.mark.parametrize("record", ["enr_4kq2m5aa", "lin_4kq2m5aa-0012", "pay_4kq2m5aa"])
def test_an_id_stays_what_it_is(record: str) -> None:
    assert label("claim.review", record, english=False) == record


@pytest.mark.parametrize("path", ["abc_4kq2m5aa", "enr_4kq2.m5aa", "enr_4kq2[0]", "fee_other"])
def test_what_is_neither_a_field_nor_an_id_is_shown_to_nobody(path: str) -> None:
    assert label("claim.review", path, english=False) == NAMELESS[0]


def test_every_id_begins_as_pages_know_it() -> None:
    made = re.compile(r"\b(?:new_id|derived_id|sibling_id|part_id)\(\s*\"([a-z]{3})\"")
    prefixes = {one for file in CODE.rglob("*.py") for one in made.findall(file.read_text())}
    assert len(prefixes) > 20
    assert prefixes | {CLIENT} <= fields._ID_PREFIXES


@pytest.mark.parametrize("language", [0, 1])
def test_the_scope_that_a_hint_names_is_one(language: int) -> None:
    examples = re.findall(r"[a-z_]+\.[a-z_]+", named("new.client", "scopes[0]").hint[language])
    assert examples
    assert all(one in RIGHTS for one in examples)
