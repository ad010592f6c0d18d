"""What the steps of a voucher cost against the floors of the design; the table is printed at the end.

Measured over HTTP with warm caches. Where a scan is refused, one unit and one call more than the reading keep it
as evidence (invariant 6), be it previewed or redeemed.
"""

from datetime import timedelta

import pytest

COUNTER = "institution"


def force(voucher_id, world, **attributes):
    """Put a voucher into a state, whatever the way there."""
    from chalicelib.aws.writes import update
    from chalicelib.vouchers.store import VoucherRow

    actions = [getattr(VoucherRow, name).set(value) for name, value in attributes.items()]
    update(VoucherRow, (voucher_id,), actions, condition=VoucherRow.id.exists(), change=world.change)


class Scene:
    """A holder's claimed voucher with a fresh code, and a counter whose caches are warm."""

    def __init__(self, world, api, index=1):
        self.world, self.now = world, world.now
        self.person = world.person(index)
        self.voucher_id = world.voucher(self.person)
        self.card, self.counter = api(self.person), api(COUNTER)
        self.token = self.card.get(f"/v1/vouchers/{self.voucher_id}/qr", at=self.now).json["token"]
        self.project_id = world.project_id
        self.preview(token="bad")  # warms the catalogue; and the card has warmed the program

    def preview(self, *, token=None, at=None):
        body = {"token": token or self.token, "project_id": self.project_id}
        return self.counter.post("/v1/verifications", body, at=at or self.now)

    def redeem(self, *, token=None, nonce="n-1", at=None):
        moment = at or self.now
        body = {
            "token": token or self.token,
            "project_id": self.project_id,
            "nonce": nonce,
            "device_id": "d",
            "happened_at": moment.isoformat(),
        }
        return self.counter.post("/v1/enrolments", body, at=moment)


@pytest.fixture
def scene(world, api):
    return Scene(world, api)


def test_the_holders_way(scene, world, api, measure, within):
    person = world.person(2)
    voucher_id = world.voucher(person, claimed=False)
    card = api(person)
    with measure() as meter:
        assert card.post(f"/v1/vouchers/{voucher_id}/claim", at=world.now).status == 200
    within("claim", meter, calls=1, units=1)
    with measure() as meter:
        assert card.get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).status == 200
    within("show QR", meter, calls=1, units=0)
    with measure() as meter:
        assert scene.preview().json["redeemable"]
    within("verify a scan (preview)", meter, calls=1, units=0)
    with measure() as meter:
        assert scene.redeem().status == 201
    within("redeem after a preview", meter, calls=1, units=4)


def test_redeeming_without_a_preview(scene, measure, within):
    with measure() as meter:
        assert scene.redeem().status == 201
    within("redeem without a preview", meter, calls=2, units=4)
    with measure() as meter:
        assert scene.redeem().status == 201
    within("redeem: the same nonce again", meter, calls=2, units=0)


# --------------------------------------------------------------------------- refusals

SPENT = {
    "voucher_not_claimed": "issued",
    "voucher_already_redeemed": "redeemed",
    "voucher_revoked": "revoked",
    "voucher_settled": "settled",
    "voucher_closed": "closed",
}


def refuse_for(code, scene, api):
    """Bring things to where a scan is refused with this code; give the scan's token and moment."""
    from chalicelib.catalogue.institutions.reading import forget_institutions, read_institution
    from infra.local import catalogue

    if code in SPENT:
        force(scene.voucher_id, scene.world, status=SPENT[code])
    elif code == "token_replayed":
        assert scene.redeem(nonce="first").status == 201
    elif code == "voucher_expired":
        force(scene.voucher_id, scene.world, expires_at=scene.now)
    elif code == "institution_suspended":
        uscc = scene.counter.get("/v1/me").json["institution"]
        version = read_institution(uscc).version
        body = {"version": version, "reason": "整改"}
        assert api("clerk").post(f"/v1/institutions/{uscc}/suspend", body, at=scene.now).status == 200
        forget_institutions()
        scene.preview(token="bad")
    elif code == "project_not_covered":
        taught = read_institution(scene.counter.get("/v1/me").json["institution"]).projects
        scene.project_id = next(one["id"] for one in catalogue.PROJECTS if one["id"] not in taught)
        scene.preview(token="bad")
    token = scene.token[:-1] + ("A" if scene.token[-1] != "A" else "B") if code == "token_invalid" else None
    return token, scene.now + timedelta(minutes=3) if code == "token_expired" else scene.now


SCAN_REFUSALS = {
    # code: calls of a preview, calls of a redemption
    "token_invalid": (1, 1),
    "token_expired": (1, 2),
    "token_replayed": (2, 2),
    "voucher_expired": (2, 2),
    "institution_suspended": (2, 2),
    "project_not_covered": (2, 2),
    **dict.fromkeys(SPENT, (2, 2)),
}


@pytest.mark.parametrize("code", SCAN_REFUSALS)
def test_a_refused_scan(scene, api, measure, within, code):
    token, moment = refuse_for(code, scene, api)
    preview_calls, redeem_calls = SCAN_REFUSALS[code]
    with measure() as meter:
        assert scene.preview(token=token, at=moment).json["reasons"][0] == code
    within(f"preview refused: {code}", meter, calls=preview_calls, units=1)
    with measure() as meter:
        assert scene.redeem(token=token, nonce="n-2", at=moment).json["code"] == code
    within(f"redeem refused: {code}", meter, calls=redeem_calls, units=1)


def test_a_scan_refused_by_the_write_itself(scene, measure, within):
    """The voucher was revoked between preview and scan: the transaction's own four units and the evidence."""
    assert scene.preview().json["redeemable"]
    force(scene.voucher_id, scene.world, status="revoked")
    with measure() as meter:
        assert scene.redeem().json["code"] == "voucher_revoked"
    within("redeem refused: changed since preview", meter, calls=2, units=5)


@pytest.mark.parametrize("code", ["voucher_expired", *SPENT])
def test_a_refused_claim_and_a_refused_code(scene, api, measure, within, code):
    refuse_for(code, scene, api)
    if code != "voucher_not_claimed":
        with measure() as meter:
            answer = scene.card.post(f"/v1/vouchers/{scene.voucher_id}/claim", at=scene.now)
        assert answer.json["code"] == code
        within(f"claim refused: {code}", meter, calls=1, units=1)
    with measure() as meter:
        assert scene.card.get(f"/v1/vouchers/{scene.voucher_id}/qr", at=scene.now).json["code"] == code
    within(f"QR refused: {code}", meter, calls=1, units=0)


def test_another_persons_voucher(scene, world, api, measure, within):
    stranger = api(world.person(9))
    for name, path, send, units in (("claim", "claim", stranger.post, 1), ("QR", "qr", stranger.get, 0)):
        with measure() as meter:
            assert send(f"/v1/vouchers/{scene.voucher_id}/{path}", at=world.now).status == 404
        within(f"{name} refused: another person's", meter, calls=1, units=units)


def test_a_late_release(scene, api, measure, within):
    clerk = api("clerk")
    clerk.get("/v1/me", at=scene.now)  # this process knows the account; making one forgets all it knew
    enrolment = scene.redeem().json
    path = f"/v1/enrolments/{enrolment['id']}/release"
    late = scene.now + timedelta(days=731)
    with measure() as meter:
        assert scene.counter.post(path, {"reason": "停办"}, at=late).json["code"] == "release_too_late"
    within("release refused: release_too_late", meter, calls=1, units=0)
    with measure() as meter:
        assert clerk.post(path, {"reason": "停办"}, at=late).status == 200
    within("release", meter, calls=4, units=4)
