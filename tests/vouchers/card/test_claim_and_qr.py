"""Claiming a voucher and showing its QR (step 4)."""

from datetime import timedelta


def test_a_holder_claims_and_a_repeat_answers_alike(world, api):
    person = world.person(1)
    voucher_id = world.voucher(person, claimed=False)
    first = api(person).post(f"/v1/vouchers/{voucher_id}/claim", at=world.now)
    again = api(person).post(f"/v1/vouchers/{voucher_id}/claim", at=world.later(minutes=1))
    assert first.status == again.status == 200
    assert first.json == again.json
    assert first.json["status"] == "claimed"
    assert first.json["holder"]["id_number"].count("*") > 5, "a claim opens nothing"
    own = api(person).get(f"/v1/vouchers/{first.json['id']}").json
    assert own["holder"] == {"name": person.name, "id_number": person.id_number}


def test_another_persons_voucher_does_not_exist(world, api):
    voucher_id = world.voucher(world.person(1), claimed=False)
    stranger = api(world.person(2))
    assert stranger.post(f"/v1/vouchers/{voucher_id}/claim", at=world.now).status == 404
    assert stranger.get(f"/v1/vouchers/{voucher_id}", at=world.now).status == 404


def test_a_voucher_runs_through_its_last_day_and_not_a_second_longer(world, api):
    person = world.person(1)
    voucher_id = world.voucher(person, claimed=False)
    shown = api(person).get(f"/v1/vouchers/{voucher_id}", at=world.now).json
    assert shown["valid_through"] == "2027-09-01"
    assert shown["expires_at"] == "2027-09-02T00:00:00+08:00"
    from datetime import datetime

    end = datetime.fromisoformat(shown["expires_at"])
    late = api(person).post(f"/v1/vouchers/{voucher_id}/claim", at=end)
    assert (late.status, late.json["code"]) == (409, "voucher_expired")
    assert "2027-09-01" in late.json["detail"]
    in_time = api(person).post(f"/v1/vouchers/{voucher_id}/claim", at=end - timedelta(seconds=1))
    assert in_time.status == 200


def test_the_qr_decodes_to_its_token(world, api):
    import io

    import resvg_py
    import zxingcpp
    from PIL import Image

    person = world.person(1)
    voucher_id = world.voucher(person)
    shown = api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).json
    png = resvg_py.svg_to_bytes(svg_string=shown["svg"], width=240)
    barcodes = zxingcpp.read_barcodes(Image.open(io.BytesIO(bytes(png))).convert("L"))
    assert [barcode.text for barcode in barcodes] == [shown["token"]]


def test_an_unclaimed_voucher_shows_no_qr(world, api):
    person = world.person(1)
    voucher_id = world.voucher(person, claimed=False)
    answer = api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=world.now)
    assert (answer.status, answer.json["code"]) == (409, "voucher_not_claimed")
