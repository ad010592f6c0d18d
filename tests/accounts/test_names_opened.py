"""Whoever reads the names of accounts leaves a record, as with all personal data."""

from chalicelib.accounts.disclosures.store import AccessRow


def looks(subject):
    return [(row.purpose, row.items, row.last_change["actor"]) for row in AccessRow.query(subject)]


def test_a_list_of_accounts_leaves_one_record_of_who_looked_and_at_how_many(world, api):
    for name in ("clerk", "reviewer", "supervisor"):
        api(name)
    clerk = api("clerk").get("/v1/me").json["actor"]
    listed = api("clerk").get("/v1/accounts").json["items"]
    assert len(listed) >= 3
    assert all(account["name"] for account in listed)
    assert looks("3401") == [("show accounts", len(listed), clerk)]


def test_an_account_that_is_shown_alone_has_the_record_itself(world, api):
    api("reviewer")
    (account,) = [
        one for one in api("clerk").get("/v1/accounts").json["items"] if one["account"] == "reviewer"
    ]
    body = {"version": account["version"], "reason": "离岗"}
    assert api("clerk").post(f"/v1/accounts/{account['id']}/disable", body).status == 200
    assert [purpose for purpose, *_ in looks(account["id"])] == ["show accounts"]
