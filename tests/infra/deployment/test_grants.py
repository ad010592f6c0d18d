"""Each function may do what it was seen to do, and nothing else.

The record (`recorded_calls.json`) was noted while every test and the whole story ran: on moto by a hook of botocore,
on the local cloud by what it asked of each role. `make record-calls` notes it anew. That a call is granted is
tested besides with each test that makes it: the suite fails on moto, the local cloud answers AccessDenied.

Not asked by either, and therefore asserted here of the policies: the key behind tables, objects and secrets, what
comes with an object (lock, hold), and what Lambda does with a role by itself.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from infra.deployment.functions import API, FUNCTIONS, Function
from infra.deployment.grants import ADDED_ONLY, GRANTS, UNSEEN
from infra.deployment.limits import Built, built_in, transformed
from infra.deployment.policies import log_group_id, role_id
from infra.deployment.storage import dead_letters_id, has_dead_letters
from tests.support.calls import RECORD, Call, granted, read_record, resource_of
from tests.support.reachable import reachable

Template = dict[str, Any]
REGION = "cn-northwest-1"
READ = {"BatchGetItem", "ConditionCheckItem", "GetItem", "Query", "Scan"}
CONTEXT = {"StringEquals": {"kms:EncryptionContext:service": "training-voucher"}}


def missing(record: set[Call], grants: set[Call]) -> list[Call]:
    return sorted(record - grants)


def spare(record: set[Call], grants: set[Call]) -> list[Call]:
    return sorted(grants - record - {call for call in grants if call in UNSEEN})


@pytest.fixture(scope="module")
def record() -> set[Call]:
    return read_record()


@pytest.fixture(scope="module")
def built(template: Template) -> Built:
    os.environ.setdefault("AWS_DEFAULT_REGION", "cn-north-1")
    return built_in(REGION, template, transformed(template), stack="voucher-prod")


def statements(built: Built, function: Function) -> Iterator[tuple[list[str], list[str], Any]]:
    """Give a role's statements, its own and those attached to it, with their resources written out."""
    role = built.plain["Resources"][role_id(function)]["Properties"]
    attached = [
        built.plain["Resources"][policy["Ref"]]["Properties"]
        for policy in role.get("ManagedPolicyArns", ())
        if "Ref"
        in policy  # AWS's own for network interfaces stands under a condition (`infra.deployment.network`)
    ]
    for policy in (*role["Policies"], *attached):
        for statement in policy["PolicyDocument"]["Statement"]:
            resources = [built.text(resource) for resource in statement["Resource"]]
            yield statement["Action"], resources, statement.get("Condition")


# --------------------------------------------------------------------------- both ways


def test_every_recorded_call_is_granted(record: set[Call]) -> None:
    assert missing(record, set(granted())) == []


def test_nothing_is_granted_that_nobody_calls(record: set[Call]) -> None:
    assert spare(record, set(granted())) == [], "take it away, or `make record-calls` if a new test calls it"


def test_a_missing_and_a_spare_action_are_found(record: set[Call]) -> None:
    needed = Call("verify_ledger", "queue/settlement", "SendMessage")
    planted = Call("verify_ledger", "table/vouchers", "Query")
    assert missing(record, set(granted()) - {needed}) == [needed]
    assert spare(record, set(granted()) | {planted}) == [planted]


def test_each_function_has_grants_and_each_exception_is_one(record: set[Call]) -> None:
    assert set(GRANTS) == {function.name for function in FUNCTIONS}
    for exception, reason in UNSEEN.items():
        assert [call for call in granted() if call == exception], exception
        assert not [call for call in record if call == exception], f"{exception} is seen now"
        assert len(reason) > 40


WATCHED_ONLY = {"check-ins"}
"""Tables whose changes supervision reads and the audit does not."""
NAMED_ONLY = {
    ("bootstrap_accounts", "table/short-lists", "UpdateItem"): "the first accounts wait for nobody",
    ("watch_changes", "queue/settlement", "SendMessage"): "dead letters stand beside that queue",
    ("record_audit", "queue/settlement", "SendMessage"): "dead letters stand beside that queue",
    ("return_changes", "queue/settlement", "SendMessage"): "dead letters stand beside that queue",
    ("reconcile_exchange", "queue/settlement", "SendMessage"): "dead letters stand beside that queue",
    ("expire_shard", "queue/reminders", "SendMessage"): "a page of expiry asks for the next of expiry",
    ("remind_shard", "queue/expiry", "SendMessage"): "a page of reminders asks for the next of reminders",
    ("reencrypt_people", "secret/partners", "GetSecretValue"): "named to be forgotten",
    ("reencrypt_people", "secret/signing", "GetSecretValue"): "named to be forgotten",
    ("seal_settlement", "table/institutions", "GetItem"): "named to be forgotten",
    ("seal_settlement", "table/institutions/index/by_area", "Query"): "named to be forgotten",
}
"""What the source names and does not do."""


def unreachable(grants: set[Call]) -> dict[Call, str]:
    """Give what the source can reach and the grants do not allow, each with the place that needs it."""
    return {
        Call(function.name, *need): place
        for function in FUNCTIONS
        for need, place in reachable(function.name).items()
        if (function.name, *need) not in grants
    }


def test_what_the_source_can_reach_is_granted_though_no_test_may_go_there() -> None:
    assert set(unreachable(set(granted()))) == set(NAMED_ONLY)
    second_page = Call("expire_shard", "queue/expiry", "SendMessage")
    planted = unreachable(set(granted()) - {second_page})
    assert planted[second_page] == "chalicelib.vouchers.expiry.service.ask_for_next"


def test_the_record_is_in_order_so_that_a_change_of_it_is_read() -> None:
    text = RECORD.read_text()
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"


# --------------------------------------------------------------------------- what nobody may


def test_no_role_changes_or_removes_what_is_only_added() -> None:
    for call in granted():
        if call.resource.partition("/index/")[0] in {f"table/{name}" for name in ADDED_ONLY}:
            assert call.action in {*READ, "PutItem"}, call


def test_no_role_removes_an_object_or_passes_over_its_lock() -> None:
    allowed = {
        "GetObject",
        "GetObjectRetention",
        "GetObjectVersion",
        "ListMultipartUploadParts",
        "PutObject",
        "PutObjectLegalHold",
        "PutObjectRetention",
    }
    actions = {call.action for call in granted() if call.resource.startswith("object/")}
    assert actions <= allowed
    locked = {call.resource for call in granted() if call.action == "PutObjectRetention"}
    assert all(resource.startswith("object/evidence/") for resource in locked)


def test_no_policy_has_a_wildcard_but_in_names_that_only_the_service_gives(built: Built) -> None:
    for function in FUNCTIONS:
        for actions, resources, _ in statements(built, function):
            assert not [action for action in actions if "*" in action]
            for resource in resources:
                if resource == "*":
                    assert actions == ["dynamodb:ListStreams"]
                elif resource.endswith(":voucher-prod-*-dead"):
                    assert actions == ["sqs:GetQueueAttributes"], "dead letters are counted by it, never read"
                elif "*" in resource:
                    assert (
                        ":s3:::voucher-prod-" in resource
                        or ":log-group:/aws/lambda/voucher-prod/" in resource
                    )


# --------------------------------------------------------------------------- the key


def test_only_who_seals_or_opens_uses_the_key_directly_and_only_for_that(
    built: Built, record: set[Call]
) -> None:
    for function in FUNCTIONS:
        own = {call.action for call in record if (call.function, call.resource) == (function.name, "key")}
        direct = [
            (actions, condition)
            for actions, resources, condition in statements(built, function)
            if resource_of(resources[0]) == "key" and "kms:ViaService" not in json.dumps(condition)
        ]
        wanted = [([f"kms:{action}" for action in sorted(own)], CONTEXT)] if own else []
        assert direct == wanted, function.name


def test_what_is_encrypted_can_be_read_through_its_service_and_no_other(built: Built) -> None:
    """DynamoDB opens a table's key in the caller's name, S3 an object's; a writer of objects has one made."""
    for function in FUNCTIONS:
        wanted: dict[str, set[str]] = defaultdict(set)
        for call in granted():
            if call.function == function.name:
                match call.resource.partition("/")[0], call.action:
                    case "table", _:
                        wanted["dynamodb"].add("kms:Decrypt")
                    case "secret", _:
                        wanted["secretsmanager"].add("kms:Decrypt")
                    case "object", "GetObject" | "GetObjectVersion":
                        wanted["s3"].add("kms:Decrypt")
                    case "object", "PutObject":
                        wanted["s3"].add("kms:GenerateDataKey")
        through: dict[str, set[str]] = defaultdict(set)
        for actions, resources, condition in statements(built, function):
            for service in (condition or {}).get("StringLike", {}).get("kms:ViaService", ()):
                assert [resource_of(resource) for resource in resources] == ["key"]
                place, region, *suffix = built.text(service).split(".")
                assert (region, suffix) == (REGION, ["amazonaws", "com*"])
                through[place].update(actions)
        if function.streams:
            wanted["dynamodb"].add("kms:Decrypt")
        assert through == wanted, function.name


# --------------------------------------------------------------------------- the policies say what the grants say


def test_a_role_has_its_grants_and_what_lambda_needs_and_nothing_else(built: Built) -> None:
    for function in FUNCTIONS:
        found = {
            Call(function.name, resource_of(resource), action.partition(":")[2])
            for actions, resources, condition in statements(built, function)
            for action in actions
            for resource in resources
            if "kms:ViaService" not in json.dumps(condition)
        }
        own = {call for call in granted() if call.function == function.name}
        by_lambda = {Call(function.name, *call) for call in _by_lambda(built, function)}
        assert found == own | by_lambda, function.name


def _by_lambda(built: Built, function: Function) -> Iterator[tuple[str, str]]:
    logs = built.text({"Fn::GetAtt": [log_group_id(function), "Arn"]})
    yield from ((logs, action) for action in ("CreateLogStream", "PutLogEvents"))
    if function.queue:
        for action in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage"):
            yield f"queue/{function.queue.name}", action
    elif has_dead_letters(function):
        yield resource_of(built.text({"Fn::GetAtt": [dead_letters_id(function), "Arn"]})), "SendMessage"
    if function.streams:
        yield "*", "ListStreams"
        for table in built.plain["Resources"].values():
            name = table.get("Properties", {}).get("TableName", "").removeprefix("voucher-prod-")
            audited = name not in WATCHED_ONLY
            if "StreamSpecification" in table.get("Properties", {}) and function.follows(
                name, audited=audited
            ):
                for action in ("DescribeStream", "GetRecords", "GetShardIterator"):
                    yield f"table/{name}/stream/2026-11-28T00:00:00.000", action


def test_payment_files_are_stored_under_a_lock_that_nobody_of_the_service_can_lift() -> None:
    files = "object/evidence/payment-files/*"
    assert GRANTS["seal_settlement"][files] == "PutObject PutObjectRetention", "it stores, and reads nothing"
    for function in (API, "reencrypt_people"):
        assert GRANTS[function][files] == "GetObjectVersion PutObject PutObjectRetention"
    assert "BypassGovernanceRetention" not in {call.action for call in granted()}


def test_the_api_may_not_do_what_is_a_jobs_alone() -> None:
    api = {call[1:] for call in granted() if call.function == API}
    assert ("table/audit-records", "PutItem") not in api, "the chain is written from the streams only"
    assert not [resource for resource, action in api if action == "Scan"]
