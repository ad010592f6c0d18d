"""Numbers of people in words: seen in whatever form they are typed, and nothing else masked."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum.cn import uscc

from chalicelib.kernel.free_text import has_number_of_person, mask_numbers


@pytest.mark.parametrize(
    ("words", "masked"),
    [
        ("账号6222020000000009993不存在", "账号***************9993不存在"),
        ("户名不符 6222 0200 0000 0009 993，退回", "户名不符 ***************9993，退回"),
        ("6222-0200-0000-0009-993", "***************9993"),
        ("身份证34010319990101000X有误", "身份证**************000X有误"),
        ("电话１３８００００１２３４停机", "电话*******1234停机"),
        ("电话0551-62345678", "电话********5678"),
        ("2026-09-30 退回 1800.00 元，代码 R0417", "2026-09-30 退回 1800.00 元，代码 R0417"),
        ("", ""),
        (
            "账号120303347560716576不存在",
            "账号**************6576不存在",
        ),  # its check sign is an organisation's
    ],
)
def test_numbers_of_accounts_and_people_in_somebody_elses_words_are_masked(words, masked):
    assert mask_numbers(words) == masked
    assert mask_numbers(masked) == masked


@pytest.mark.parametrize(
    ("words", "masked"),
    [
        ("身份证 340111199801010001 有误", "身份证 **************0001 有误"),
        ("身份证340111 19980101 0001", "身份证**************0001"),
        ("3401-1119-9801-0100-01", "**************0001"),
        ("３４０１１１１９９８０１０１０００１", "**************0001"),
        ("34011119980101000X。", "**************000X。"),
        ("34011119980101000ｘ", "**************000X"),
        ("1 3 8 0 0 1 3 8 0 0 0", "*******8000"),
        ("138.0013.8000", "*******8000"),
        ("138·0013·8000，138_0013_8000", "*******8000，*******8000"),
        ("１３８－００１３－８０００ 未接", "*******8000 未接"),
        ("电话 0551-62345678 转", "电话 ********5678 转"),
        ("6227 0012 3456 7890 123", "***************0123"),
        ("账号：622700 已销户", "账号：**2700 已销户"),
        ("账户名有误，卡号末四位 2700", "账户名有误，卡号末四位 2700"),
        ("2026-09-01 13800138000", "2026-09-01 *******8000"),
    ],
)
def test_a_number_is_seen_in_whatever_form_it_is_typed(words: str, masked: str) -> None:
    assert mask_numbers(words) == masked
    assert mask_numbers(masked) == masked


@pytest.mark.parametrize(
    "words",
    [
        "请假 2026-09-01 至 2026-09-05",
        "2026-09-01 2026-09-05 两天",
        "2026.9.1-2026.9.5 停课",
        "9月1日 09:00-17:00，40 课时，共 6,000.00 元",
        "金额 600000 分，第 12 批",
        "机构 91340111MX0000027D 已搬迁",
        "机构 91340111000000000B 已搬迁",
        "职业 4-01-02-06（2022 年版）",
        "",
    ],
)
def test_days_amounts_and_numbers_of_organisations_stay(words: str) -> None:
    assert mask_numbers(words) == words


@pytest.mark.parametrize(
    ("reference", "personal"),
    [
        ("BOC20261026000123456", False),
        ("20261026 0001 2345 678", False),
        ("R-1", False),
        ("340111199801010001", True),
        ("退 340111 19980101 000X", True),
        ("１３８００１３８０００", True),
        ("+86 138 0013 8000", True),
    ],
)
def test_a_reference_with_a_persons_number_is_told_from_a_banks(reference: str, personal: bool) -> None:
    assert has_number_of_person(reference) is personal


@given(st.text(max_size=60))
def test_masking_twice_is_masking_once_and_leaves_no_long_number(words: str) -> None:
    once = mask_numbers(words)
    assert mask_numbers(once) == once


@given(
    st.integers(10**10, 10**19).map(str),
    st.sampled_from(["", " ", "-", "－", "\u3000", "."]),
    st.integers(2, 6),
)
def test_no_long_number_survives_however_it_is_set_off(number: str, gap: str, size: int) -> None:
    assume(not uscc.is_valid(number))  # that of an organisation stays, see above
    typed = gap.join(number[at : at + size] for at in range(0, len(number), size))
    assert number not in mask_numbers(f"见 {typed} 号").replace(gap or " ", "")
