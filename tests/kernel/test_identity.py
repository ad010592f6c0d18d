"""Numbers of people, organisations, phones and accounts."""

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric, uscc

from chalicelib.kernel.identity import (
    IdNumber,
    InvalidAccountNumber,
    InvalidContactPhone,
    InvalidIdentity,
    InvalidIdNumber,
    InvalidPhone,
    InvalidUscc,
    Sex,
    birth_date,
    mask_account,
    mask_id_number,
    mask_name,
    mask_phone,
    parse_account_number,
    parse_contact_phone,
    parse_id_number,
    parse_phone,
    parse_uscc,
    place_is_known,
    sex,
)

ENDS_WITH_X = "34030420030721000X"


def number(body):
    return body + ric.calc_check_digit(body + "0")


GOOD = number("34010320000101001")


def test_a_good_number_states_birth_and_sex():
    woman, man = parse_id_number(number("34010320000229000")), parse_id_number(number("34010320000229001"))
    assert birth_date(woman) == dt.date(2000, 2, 29)
    assert (sex(woman), sex(man)) == (Sex.FEMALE, Sex.MALE)


@pytest.mark.parametrize(
    "typed",
    [
        "34030420030721000x",
        " 34030420030721000X ",
        "'34030420030721000X",
        "３４０３０４２００３０７２１０００Ｘ",
        "340304 20030721 000X",
        "\u200b34030420030721000X\ufeff",
        "34030420030721000X\u3000\n",
    ],
)
def test_what_people_and_sheets_add_is_undone(typed):
    assert parse_id_number(typed) == ENDS_WITH_X


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("", "id_number_form"),
        ("3401032000010100", "id_number_form"),
        (GOOD + "0", "id_number_form"),
        (GOOD[:-1] + ("4" if GOOD[-1] != "4" else "5"), "invalid_id_number"),
        (GOOD[:-1] + ("X" if GOOD[-1] != "X" else "1"), "invalid_id_number"),
        ("X" + GOOD[1:], "id_number_form"),
        ("34010３20000I010003", "id_number_form"),
        (number("34010320000230001"), "id_number_birth_date"),  # 30 February
        (number("34010318991231001"), "id_number_birth_date"),  # nobody
        ("340103000101001", "id_number_old_form"),
        ("三四零一零三", "id_number_form"),
    ],
)
def test_a_wrong_number_is_refused_for_what_is_wrong_with_it(wrong, code):
    with pytest.raises(InvalidIdNumber) as refusal:
        parse_id_number(wrong)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ("34010320000101001", True),
        ("34990120000101001", False),  # no such county: codes were retired, and nobody has them all
        ("81000020000101001", True),  # a residence permit (Hong Kong)
        ("91184019900101001", True),  # a foreigner's permanent residence card (GA 2102-2023)
    ],
)
def test_a_place_that_no_table_knows_is_no_reason_to_refuse_somebody(body, known):
    assert place_is_known(parse_id_number(number(body))) is known


@pytest.mark.parametrize(
    "mangled",
    ["3.40103E+17", "3.40103200001010e+17", "3.4E17", "340103200001010016.0", "340103200001015000"],
)
def test_a_number_a_spreadsheet_mangled_is_told_apart(mangled):
    with pytest.raises(InvalidIdNumber) as refusal:
        parse_id_number(mangled)
    assert refusal.value.code == "id_number_mangled"


def test_a_right_number_that_happens_to_end_with_zeros_is_right():
    body = next(
        body
        for day in range(1, 29)
        for body in [f"340103200001{day:02d}000"]
        if ric.calc_check_digit(body + "0") == "0"
    )
    assert parse_id_number(body + "0").endswith("0000")


def test_a_place_code_younger_than_its_holder_is_right():
    # 亳州 became a prefecture in 2000; people registered late or before 1999 carry such codes.
    assert parse_id_number(number("34160219950505000"))


@pytest.mark.parametrize("place", ["810000", "820000", "830000"])
def test_residence_permits_have_numbers_of_the_same_form(place):
    assert parse_id_number(number(place + "20000101000"))


@given(st.integers(0, 17), st.sampled_from("0123456789"))
def test_any_single_wrong_digit_is_caught(position, digit):
    changed = GOOD[:position] + digit + GOOD[position + 1 :]
    if changed == GOOD:
        assert parse_id_number(changed) == GOOD
    else:
        with pytest.raises(InvalidIdNumber):
            parse_id_number(changed)


@pytest.mark.parametrize(
    "parse", [parse_id_number, parse_uscc, parse_phone, parse_contact_phone, parse_account_number]
)
@given(text=st.text(max_size=40))
def test_no_text_makes_a_parser_fail_otherwise(parse, text):
    with contextlib.suppress(InvalidIdentity):
        parse(text)


def test_a_uscc_whose_check_character_needs_the_final_modulus_is_right():
    assert parse_uscc(" 91350100m000100y43 ") == "91350100M000100Y43"


@pytest.mark.parametrize(
    "wrong", ["", "91350100M000100Y44", "91350100M000100Y4", "9135010IM000100Y43", "A1350100M000100Y43"]
)
def test_a_wrong_uscc_is_refused(wrong):
    with pytest.raises(InvalidUscc) as refusal:
        parse_uscc(wrong)
    assert refusal.value.code == "invalid_uscc"


@pytest.mark.parametrize(
    "typed",
    ["13812345678", "138 1234 5678", "138-1234-5678", "+86 13812345678", "008613812345678", "8613812345678"],
)
def test_a_mobile_number_is_read_however_it_is_spaced(typed):
    assert parse_phone(typed) == "13812345678"


@pytest.mark.parametrize(
    "wrong",
    ["", "1381234567", "138123456789", "12812345678", "0551-62345678", "+85261234567", "13800860000a"],
)
def test_other_numbers_are_not_mobiles(wrong):
    with pytest.raises(InvalidPhone):
        parse_phone(wrong)


def test_a_mobile_with_a_country_code_inside_it_stays_whole():
    assert parse_phone("13800860086") == "13800860086"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("0551-62345678", "0551-62345678"),
        ("（0551）6234567", "0551-6234567"),
        ("(0551) 6234 5678", "0551-62345678"),
        ("0551—62345678", "0551-62345678"),
        ("0551ー62345678转801", "0551-62345678-801"),
        ("0551-62345678-801", "0551-62345678-801"),
        ("0551-62345678 转分机 8", "0551-62345678-8"),
        ("+86 551 62345678", "0551-62345678"),
        ("+86 (0)551-6234-5678", "0551-62345678"),
        ("+86 138 1234 5678", "13812345678"),
        ("400-800-1234", "400-8001234"),
        ("４００－８００１２３４", "400-8001234"),
        ("010 12345678", "010-12345678"),
        ("025-8123456", "025-8123456"),
        ("400-8001234", "400-8001234"),
        ("138 1234 5678", "13812345678"),
    ],
)
def test_an_organisation_may_have_a_landline(typed, expected):
    assert parse_contact_phone(typed) == expected


@pytest.mark.parametrize("wrong", ["62345678", "0551-623456", "0551-623456789", "110", "+852 61234567"])
def test_a_landline_needs_its_area_code(wrong):
    with pytest.raises(InvalidContactPhone):
        parse_contact_phone(wrong)


def card(body):
    return body + luhn.calc_check_digit(body)


def test_a_card_number_needs_its_check_digit():
    good = card("622588012345678")
    assert parse_account_number(f"{good[:4]} {good[4:]}") == good
    with pytest.raises(InvalidAccountNumber):
        parse_account_number(good[:-1] + str((int(good[-1]) + 1) % 10))


@pytest.mark.parametrize("account", ["20000123", "175212345678", "1302010109200012345", "1" * 30])
def test_an_organisations_account_follows_its_banks_own_numbering(account):
    assert parse_account_number(account) == account


@pytest.mark.parametrize("wrong", ["", "12345", "1" * 33, "6225E1012345678", "账号"])
def test_what_is_no_account_is_refused(wrong):
    with pytest.raises(InvalidAccountNumber):
        parse_account_number(wrong)


def test_masks_are_those_of_the_public_list():
    assert mask_id_number(IdNumber("340103200001011234")) == "340***********1234"
    assert mask_name("王小明") == "王**"
    assert mask_name("王") == "王"
    assert mask_name("") == ""
    assert mask_phone("13812345678") == "138****5678"
    assert mask_account("6225880123456789") == "************6789"


@given(st.text(max_size=7))
def test_a_text_too_short_to_mask_shows_nothing(text):
    assert set(mask_id_number(text)) <= {"*"}
    assert set(mask_phone(text)) <= {"*"}


@pytest.mark.parametrize("start", ["N2", "A1", "Y1", "91", "52"])
def test_who_registers_an_organisation_may_be_a_letter(start):
    body = f"{start}340121MA2TEST01"[:17].replace("S", "5").replace("I", "1").replace("O", "0")
    code = body + uscc.calc_check_digit(body)
    assert parse_uscc(code.lower()) == code


LOOK_ALIKES = str.maketrans("0123456789X-", "０１２３４５６７８９Ｘ—")


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_id_number, ENDS_WITH_X),
        (parse_uscc, "91350100M000100Y43"),
        (parse_phone, "13812345678"),
        (parse_contact_phone, "0551-62345678-801"),
        (parse_contact_phone, "400-8001234"),
        (parse_account_number, "1302010109200012345"),
    ],
)
def test_every_spelling_of_a_number_is_kept_in_one_form(parse, text):
    """Nobody can be two people because of how somebody typed."""
    spellings = [
        text.translate(LOOK_ALIKES),
        text.lower(),
        f"'{text}",
        f"‘{text}’",
        f"\u3000{text}\t\r\n",
        f"\u200e{text}\ufeff",
        " ".join(text),
        f"{text[:4]}\u00a0{text[4:]}",
    ]
    assert {parse(spelling) for spelling in [text, *spellings]} == {text}
    assert parse(parse(text)) == text
