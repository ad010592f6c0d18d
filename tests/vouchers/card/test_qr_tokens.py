"""The token of the QR: what it says, how long it is good, and that nobody else can write one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.errors import Impossible, Refused
from chalicelib.kernel.ids import derived_id
from chalicelib.kernel.reasons import sentence
from chalicelib.vouchers.card import qr

KEY = ("a1b2", b"k" * 32)
BEFORE = ("c3d4", b"j" * 32)
NOW = datetime(2026, 9, 1, 1, 0, 30, tzinfo=UTC)
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

vouchers = st.integers(0, 10**9).map(lambda number: derived_id("vch", str(number)))
moments = st.datetimes(datetime(2021, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
devices = st.sampled_from(["", "abcdefgh", "23456723"])


@given(vouchers, moments, devices, st.integers(0, 59))
def test_a_token_is_good_for_its_minute_and_the_next(voucher_id, now, device, late):
    token = qr.make_token(voucher_id, now=now, key=KEY, device=device)
    start = now.timestamp() // 60 * 60
    for moment in (start, start + late, start + 60 + late):
        scanned = qr.read_token(token.text, now=datetime.fromtimestamp(moment, UTC), keys=[KEY])
        assert scanned == qr.ScannedToken(voucher_id, qr.step_at(now), device)
    assert token.expires_at.timestamp() == start + 120


@given(vouchers, moments, st.integers(1, 10**6))
def test_older_than_its_step_and_the_leeway_it_has_expired(voucher_id, now, seconds):
    token = qr.make_token(voucher_id, now=now, key=KEY)
    late = token.expires_at + timedelta(seconds=seconds - 1)
    with pytest.raises(Refused) as refusal:
        qr.read_token(token.text, now=late, keys=[KEY])
    assert refusal.value.code == "token_expired"


@pytest.mark.parametrize("device", ["", "abcdefgh"])
def test_a_token_with_any_character_altered_dropped_or_added_is_none_of_ours(device):
    text = qr.make_token(derived_id("vch", "x"), now=NOW, key=KEY, device=device).text
    assert len(text) <= 90, "a longer one needs a larger symbol (version 4, level M, alphanumeric)"
    forged = [
        text[:place] + letter + text[place + 1 :]
        for place in range(len(text))
        for letter in {*LETTERS, text[place].lower(), "é", "٣", "\x00"} - {text[place]}
    ]
    forged += [text[:place] + text[place + 1 :] for place in range(len(text))]
    forged += [text[:place] + letter + text[place:] for place in range(len(text) + 1) for letter in "A0- "]
    for wrong in forged:
        if wrong.strip() == text:
            continue  # a scanner adds that
        with pytest.raises(Impossible) as refusal:
            qr.read_token(wrong, now=NOW, keys=[KEY])
        keyed = wrong.strip() != wrong.strip().upper() or " " in wrong.strip()
        known = (
            "token_miskeyed"
            if keyed and wrong.upper().replace(" ", "").startswith("TV1-")
            else "token_invalid"
        )
        assert refusal.value.code == known, wrong
    assert len(forged) > 3000


@pytest.mark.parametrize("added", ["{}\r", "{}\r\n", "\t{}\n", "  {}\u3000", "]Q1{}", "]Q3{}\r", "]d2 {}"])
def test_what_a_scanner_adds_is_dropped(added):
    token = qr.make_token(derived_id("vch", "x"), now=NOW, key=KEY)
    scanned = qr.read_token(added.format(token.text), now=NOW, keys=[KEY])
    assert (scanned.voucher_id, scanned.step) == (derived_id("vch", "x"), token.step)


WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})


@pytest.mark.parametrize(
    "change",
    [
        str.lower,
        str.swapcase,
        lambda text: text.translate(WIDE),
        lambda text: text[:4] + text[4:].lower(),
        lambda text: text.replace("-", "－"),
        lambda text: f"{text[:20]} {text[20:]}\r",
        lambda text: f"]Q1{text.lower()}\r\n",
    ],
)
def test_caps_lock_and_input_methods_are_told_as_what_they_are(change):
    text = qr.make_token(derived_id("vch", "x"), now=NOW, key=KEY).text
    with pytest.raises(Impossible) as refusal:
        qr.read_token(change(text), now=NOW, keys=[KEY])
    assert refusal.value.code == "token_miskeyed"
    assert "大写锁定" in sentence("token_miskeyed", {})


@given(st.text(max_size=140))
def test_no_text_whatever_passes_or_fails_otherwise(text):
    with pytest.raises(Impossible) as refusal:
        qr.read_token(text, now=NOW, keys=[KEY])
    assert refusal.value.code == "token_invalid"


@given(st.lists(st.text(alphabet="0123456789ABCDEF", max_size=30), min_size=3, max_size=5))
def test_no_guessed_parts_pass(parts):
    with pytest.raises(Impossible):
        qr.read_token("-".join(["TV1", KEY[0].upper(), *parts]), now=NOW, keys=[KEY])


def test_the_key_before_still_proves_and_a_strange_one_does_not():
    token = qr.make_token(derived_id("vch", "x"), now=NOW, key=BEFORE)
    assert qr.read_token(token.text, now=NOW, keys=[KEY, BEFORE]).step == token.step
    with pytest.raises(Impossible):
        qr.read_token(token.text, now=NOW, keys=[KEY])


def test_a_token_of_a_minute_that_has_not_come_is_none_of_ours():
    token = qr.make_token(derived_id("vch", "x"), now=NOW + timedelta(minutes=3), key=KEY)
    with pytest.raises(Impossible):
        qr.read_token(token.text, now=NOW, keys=[KEY])


def test_an_unbound_token_cannot_pass_for_a_bound_one():
    bound = qr.make_token(derived_id("vch", "x"), now=NOW, key=KEY, device="abcdefgh").text
    with pytest.raises(Impossible):
        qr.read_token(bound.replace("-ABCDEFGH", ""), now=NOW, keys=[KEY])
