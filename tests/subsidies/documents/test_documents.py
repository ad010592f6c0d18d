"""Supporting documents: uploaded by the institution, checked at arrival, read by bureaus on record."""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.subsidies.documents.model import DocumentStatus
from chalicelib.subsidies.documents.store import find_document, register
from tests.subsidies.scored import Money, scored_class

SCAN = b"%PDF-1.7 signed sheets"


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def claim(world: Any, money: Money) -> Any:
    return money.claim(scored_class(world, 1))


def announce(money: Money, claim: Any, content: bytes = SCAN, who: str = "institution", **facts: Any) -> Any:
    body = {
        "kind": "sign_in_sheet",
        "content_type": "application/pdf",
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return money.api(who).post(f"/v1/subsidy-claims/{claim['id']}/documents", body | facts, at=money.now)


def upload(announced: Any, content: bytes = SCAN) -> str:
    from chalicelib.aws.clients import client
    from chalicelib.aws.settings import settings

    key: str = announced["upload"]["fields"]["key"]
    client("s3").put_object(
        Bucket=settings().evidence_bucket, Key=key, Body=content, ContentType="application/pdf"
    )
    return key


def told_of(money: Money, key: str) -> str:
    from chalicelib.aws.settings import settings
    from chalicelib.kernel.principal import system_context
    from chalicelib.subsidies.documents.jobs import register_document

    context = system_context("register_document", now=money.now, request_id="req_test")
    event = {"detail": {"bucket": {"name": settings().evidence_bucket}, "object": {"key": key}}}
    return register_document(event, context)["status"]


def documents(money: Money, claim: Any, who: str) -> Any:
    path = f"/v1/subsidy-claims/{claim['id']}/documents"
    return money.ok(money.api(who).get(path, at=money.now))["items"]


def test_a_document_is_uploaded_registered_and_read_by_bureaus_on_record(money: Money, claim: Any) -> None:
    from chalicelib.accounts.disclosures.store import AccessRow

    announced = money.ok(announce(money, claim))
    assert announced["status"] == "awaiting_upload"
    assert told_of(money, upload(announced)) == "stored"
    (own,) = documents(money, claim, "institution")
    assert (own["status"], own["url"]) == ("stored", None)
    assert list(AccessRow.query(claim["id"])) == []
    (shown,) = documents(money, claim, "clerk")
    assert shown["url"].startswith("http")
    (access,) = AccessRow.query(claim["id"])
    assert access.purpose == "show supporting documents"
    again = money.ok(announce(money, claim))
    assert (again["id"], again["status"], again["upload"]) == (announced["id"], "stored", None)


def test_a_file_other_than_announced_is_flagged_and_can_be_sent_right(money: Money, claim: Any) -> None:
    announced = money.ok(announce(money, claim))
    assert told_of(money, upload(announced, b"something else")) == "mismatch"
    assert documents(money, claim, "clerk")[0]["url"] is None
    assert told_of(money, upload(money.ok(announce(money, claim)))) == "stored"
    assert told_of(money, upload(announced, b"swapped afterwards")) == "stored"


def test_a_wrong_size_is_put_right_by_announcing_again(money: Money, claim: Any) -> None:
    """The form of the first announcement took no file of the right size, and so for ever."""
    wrong = announce(money, claim, size_bytes=len(SCAN) + 5)
    right = announce(money, claim, kind="invoice")
    assert (wrong.status, right.status) == (201, 200)
    assert (right.json["id"], right.json["kind"]) == (wrong.json["id"], "invoice")
    size = len(SCAN)
    assert ["content-length-range", size, size] in _conditions_of(right.json)
    assert told_of(money, upload(right.json)) == "stored"
    (shown,) = documents(money, claim, "clerk")
    assert (shown["kind"], shown["size_bytes"], shown["status"]) == ("invoice", size, "stored")


def _conditions_of(announced: Any) -> list[Any]:
    policy = json.loads(base64.b64decode(announced["upload"]["fields"]["policy"]))
    return list(policy["conditions"])


def test_the_kind_of_a_stored_document_is_put_right_on_record(money: Money, claim: Any) -> None:
    told_of(money, upload(money.ok(announce(money, claim))))
    same = announce(money, claim)
    other = announce(money, claim, kind="certificates")
    assert (same.status, other.status) == (200, 200)
    assert (other.json["status"], other.json["kind"], other.json["upload"]) == (
        "stored",
        "certificates",
        None,
    )
    assert documents(money, claim, "clerk")[0]["kind"] == "certificates"
    stored = find_document(claim["id"], other.json["id"])
    assert stored is not None
    assert stored.last_change is not None
    assert (stored.last_change.action, stored.version) == ("claim_document.relabel", 3)


def test_of_a_stored_document_another_size_or_type_is_refused(money: Money, claim: Any) -> None:
    told_of(money, upload(money.ok(announce(money, claim))))
    for facts in ({"size_bytes": 16}, {"content_type": "image/png"}):
        refused = announce(money, claim, **facts)
        assert (refused.status, refused.json["code"]) == (409, "document_stored")
        assert f"{len(SCAN)} 字节" in refused.json["detail"]
    assert documents(money, claim, "clerk")[0]["size_bytes"] == len(SCAN)


def test_a_document_of_which_nobody_was_told_is_found_when_it_is_looked_for(money: Money, claim: Any) -> None:
    upload(money.ok(announce(money, claim)))
    assert documents(money, claim, "clerk")[0]["status"] == "awaiting_upload"
    money.now += timedelta(minutes=16)
    assert documents(money, claim, "clerk")[0]["status"] == "stored"


def test_after_first_review_no_document_is_added(money: Money, claim: Any) -> None:
    money.ok(money.decide("clerk", claim, "review"))
    refused = announce(money, claim)
    assert (refused.status, refused.json["code"]) == (409, "wrong_state")


def test_documents_have_bounds(money: Money, claim: Any) -> None:
    for facts in ({"content_type": "text/html"}, {"size_bytes": 20_000_001}, {"kind": "x"}, {"sha256": "y"}):
        assert announce(money, claim, **facts).status == 400
    assert announce(money, claim, who="institution_two").status == 404
    for number in range(20):
        money.ok(announce(money, claim, b"page %d" % number))
    assert announce(money, claim, b"one more").json["code"] == "too_many_documents"
    path = f"/v1/subsidy-claims/{claim['id']}/documents"
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 8}
    for size in (8, 8, 4):
        page = money.ok(money.api("clerk").get(path, query))
        assert len(page["items"]) == size
        seen += [document["id"] for document in page["items"]]
        query["cursor"] = page["next"]
    assert (len(set(seen)), query["cursor"]) == (20, None)
    money.ok(announce(money, claim, b"page 3"))
    assert told_of(money, "claim-documents/doc_nothing-here") == "ignored"
    assert told_of(money, "elsewhere") == "ignored"


def test_a_document_announced_anew_while_its_file_is_compared_is_not_stored_unseen(
    world: Any, money: Money, claim: Any
) -> None:
    """The worker has read what was announced and finds the file right; then other facts are announced."""
    announced = money.ok(announce(money, claim))
    key = upload(announced)
    known = find_document(claim["id"], announced["id"])
    assert known is not None
    money.ok(announce(money, claim, content_type="image/png"))
    after = register(known, DocumentStatus.STORED, now=money.now, change=world.change)
    assert after.status is DocumentStatus.AWAITING_UPLOAD
    assert told_of(money, key) == "mismatch"
