"""Names: any letter of GB 18030-2022, kept in one form and compared folded."""

import unicodedata

import pytest

from chalicelib.kernel.free_text import names_person
from chalicelib.kernel.names import InvalidName, folded, parse_name

RARE = ["㐁", "𠀁", "𪜁", "𫝁", "𫠡", "𬺱", "𮯱", "𰀁", "𱍑"]
"""A letter of each extension A to I, whatever the interpreter's tables know."""


@pytest.mark.parametrize("sign", [*RARE, "〇", "\ue843", "々"])
def test_a_letter_of_any_extension_stands_in_a_name(sign: str) -> None:
    assert parse_name(f"王{sign}") == f"王{sign}"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" 王　小明\t", "王小明"),
        ("王 小 明", "王小明"),
        ("王小明\u200b\ufeff", "王小明"),
        ("葛\U000e0100城", "葛城"),
        ("Ｔｏｍ  Smith", "Tom Smith"),
        ("O’Brien", "O'Brien"),
        ("Ａ－Ｂ", "A-B"),
    ],
)
def test_a_name_is_kept_without_what_nobody_means(written: str, kept: str) -> None:
    assert parse_name(written) == kept
    assert parse_name(kept) == kept


@pytest.mark.parametrize("dot", list("·•・･‧．⋅∙․."))
def test_every_dot_is_the_one_dot(dot: str) -> None:
    assert parse_name(f"买买提{dot}艾力") == parse_name(f"买买提 {dot} 艾力") == "买买提·艾力"


@pytest.mark.parametrize("wrong", ["王3", "王（小明）", "王?", "王\\u5c0f", "王☆"])
def test_a_refusal_names_the_sign_that_is_no_letter(wrong: str) -> None:
    with pytest.raises(InvalidName) as refused:
        parse_name(wrong)
    assert refused.value.sign in unicodedata.normalize("NFKC", wrong)
    assert not refused.value.sign.isalpha()


@pytest.mark.parametrize("wrong", ["", "·", " . ", "王" * 51])
def test_a_name_has_letters_and_not_too_many(wrong: str) -> None:
    with pytest.raises(InvalidName) as refused:
        parse_name(wrong)
    assert refused.value.sign == ""


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("王 小明", "王小明"),
        ("买买提·艾力", "买买提艾力"),
        ("买买提.艾力", "买买提艾力"),
        ("买买提　艾力", "买买提艾力"),
        ("Akbar Mamat", "akbarmamat"),
        ("ＡＫＢＡＲ－ＭＡＭＡＴ", "akbar-mamat"),
        ("O‘Brien", "o'brien"),
        ("葛\ufe00城", "葛城"),
        ("\U00031351 一", "\U00031351一"),
        ("李3", "李3"),
    ],
)
def test_the_fold_of_names_is_frozen(name: str, form: str) -> None:
    """Digests of names are made of it: another fold, and nobody on any list has their name any more."""
    assert folded(name) == form


@pytest.mark.parametrize("text", ["买买提.艾力班", "AKBAR MAMAT 班", "王 小 明提高班"])
def test_a_class_is_not_named_after_somebody_however_it_is_set_off(text: str) -> None:
    names = ("买买提·艾力", "Akbar Mamat", "王小明")
    assert any(names_person(text, name) for name in names)
    assert not names_person("电工初级班", "王小明")
