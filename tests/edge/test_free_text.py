"""Every text of every form is an id, a code, a sealed number, or words in which no number of a person stays."""

import typing
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import msgspec
import pytest

from chalicelib.edge.endpoints import ENDPOINTS
from chalicelib.edge.forms import Form, line, parse_json, reference, words
from chalicelib.edge.misfits import is_words, members_of, metas_of
from chalicelib.kernel.errors import Malformed
from chalicelib.kernel.free_text import NUMBERS, Numbers

ID = "340111199801010001"
PHONE = "13800138000"

IDS = {
    "id", "class_id", "claim_id", "check_in_id", "enrolment_id", "import_id", "lesson_id", "line_id", "message_id",
    "objection_id", "project_id", "program_id", "camera_id", "part", "name_of_account",
    "claim", "institution", "program", "project", "subject", "uscc", "lessons_id", "flag", "kind", "rule",
    "programs", "projects", "chain", "client_id", "actor",
}  # fmt: skip
"""Names of fields that hold an id of ours or a number of an organisation: what is none names nothing."""
CODES = {"division", "period", "occupation_code", "edition", "near", "account", "pay_rate", "format"}
"""Fields with few values, which their use checks against a table, a pattern or a parser."""
SECRETS = {
    "password", "assertion", "refresh_token", "activation_code", "code", "token", "cursor", "after", "nonce",
    "device_id", "hash", "sha256", "url", "seed", "secret", "totp",
    "client_assertion",
}  # fmt: skip
"""Proofs, marks and places of lists: never shown to people as text."""
SEALED = {"id_number", "number", "phone"}
"""Numbers of people where they belong: parsed into their one form, sealed or masked when stored."""
KNOWN = IDS | CODES | SECRETS | SEALED


def texts_of(kind: Any, field: str, path: str) -> Iterator[tuple[str, str, Any]]:
    """Walk a form and give each text in it: where, the field's name, its type."""
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        for name, inner in typing.get_type_hints(bare, include_extras=True).items():
            yield from texts_of(inner, name, f"{path}.{name}")
    elif members_of(bare):
        for member in members_of(bare):
            yield from texts_of(member, field, path)
    elif get_origin(bare) in (list, tuple, dict, typing.get_origin(typing.Sequence[Any])):
        for member in get_args(bare):
            yield from texts_of(member, field, path)
    elif bare is str:
        yield path, field, kind


def all_texts() -> Iterator[tuple[str, str, Any]]:
    import app  # noqa: F401 - registers every endpoint

    for endpoint in ENDPOINTS:
        for kind in (endpoint.body, endpoint.query):
            if kind is not None:
                yield from texts_of(kind, "", f"{endpoint.method} {endpoint.path}")


def is_text_type(kind: Any) -> bool:
    return any(is_words(meta) and NUMBERS in (meta.extra or {}) for meta in metas_of(kind))


def has_pattern(kind: Any) -> bool:
    return any(meta.pattern is not None for meta in metas_of(kind))


def test_each_text_of_each_form_is_an_id_a_code_or_words_without_numbers_of_people() -> None:
    texts = list(all_texts())
    assert len(texts) > 150
    unknown = [
        f"{path}: give it the type of an id, an enum, or words (`edge.forms.words`, `line`, `reference`); "
        f"or, if it is an id or a code, name {field!r} in this test"
        for path, field, kind in texts
        if not (is_text_type(kind) or has_pattern(kind) or field in KNOWN)
    ]
    assert sorted(set(unknown)) == []


def test_numbers_are_kept_in_nothing_but_how_to_reach_an_objector() -> None:
    kept = {
        path
        for path, _, kind in all_texts()
        for meta in metas_of(kind)
        if is_words(meta) and (meta.extra or {})[NUMBERS] is Numbers.KEPT
    }
    assert kept == {"POST /v1/publicity/{claim_id}/objections.contact"}


class _Note(Form):
    reason: Annotated[str, words(100)]
    remark: Annotated[str, line(100, needed=False)] | None = None
    bank_reference: Annotated[str, reference(64)] | None = None
    notice: Annotated[str, line(100, numbers=Numbers.REFUSED)] | None = None


def read(**fields: str) -> _Note:
    return parse_json(msgspec.json.encode({"reason": "因病", **fields}), _Note)


def test_words_lose_the_numbers_of_people_at_the_edge() -> None:
    note = read(reason=f" 电话 {PHONE} 未接 ", remark="身份证 ３４０１１１ 19980101 0001")
    assert note.reason == "电话 *******8000 未接"
    assert note.remark == "身份证 **************0001"


@pytest.mark.parametrize("field", ["bank_reference", "notice"])
@pytest.mark.parametrize("number", [ID, PHONE, "138-0013-8000"])
def test_a_reference_or_a_notice_with_a_persons_number_is_refused(field: str, number: str) -> None:
    with pytest.raises(Malformed) as refused:
        read(**{field: f"REF {number}"})
    (fault,) = refused.value.faults
    assert (fault.code, fault.field, fault.form) == ("wrong_type", field, "number_of_person")


def test_a_banks_long_reference_stays_as_it_is() -> None:
    assert read(bank_reference="BOC20261026000123456").bank_reference == "BOC20261026000123456"
