"""What AWS refuses, this template does not ask for: in the longest region of both partitions, with a margin."""

import copy
import json
import os
from typing import Any

import pytest

from infra.deployment.limits import LIMITS, REGIONS, Built, Row, built_in, rows, transformed

Template = dict[str, Any]


@pytest.fixture(scope="module")
def plain(template: Template) -> Template:
    os.environ.setdefault("AWS_DEFAULT_REGION", "cn-north-1")
    return transformed(template)


def builds(written: Template, plain: Template) -> list[Built]:
    return [built_in(region, written, plain, stack="voucher-prod") for region in REGIONS]


def broken(found: list[Row]) -> dict[str, Row]:
    return {row.limit.name: row for row in found if not row.holds}


def test_every_limit_is_kept_with_its_margin(template: Template, plain: Template) -> None:
    assert {name: row.use for name, row in broken(rows(builds(template, plain))).items()} == {}


def test_every_limit_is_measured_and_has_its_source(template: Template, plain: Template) -> None:
    measured = {row.limit.name for row in rows(builds(template, plain))}
    without_archive = {limit.name for limit in LIMITS} - {"package, unzipped", "code kept in the account"}
    fixed_by_nobody = {"name of a function", "name of a role"}  # CloudFormation makes them up, and cuts them
    assert without_archive - measured <= fixed_by_nobody
    assert all(limit.source.startswith("https://docs.aws.amazon.com/") for limit in LIMITS)
    assert len({limit.name for limit in LIMITS}) == len(LIMITS)


def test_both_partitions_and_their_longest_region_are_looked_at() -> None:
    assert set(REGIONS.values()) == {"aws", "aws-cn"}
    assert "cn-northwest-1" in REGIONS


def test_an_over_long_policy_is_found(template: Template, plain: Template) -> None:
    planted = copy.deepcopy(plain)
    role = planted["Resources"]["VerifyLedgerRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    role["Statement"] += [
        {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": {"Fn::GetAtt": ["VouchersTable", "Arn"]}}
        for _ in range(200)
    ]
    row = broken(rows(builds(template, planted)))["inline policies of a role"]
    assert (row.use.subject, row.region) == ("VerifyLedgerRole", "cn-northwest-1")


def test_white_space_of_a_policy_is_free_and_its_names_are_written_out(
    template: Template, plain: Template
) -> None:
    (built,) = [built for built in builds(template, plain) if built.region == "cn-northwest-1"]
    table = built.text({"Fn::GetAtt": ["VouchersTable", "Arn"]})
    assert table == "arn:aws-cn:dynamodb:cn-northwest-1:123456789012:table/voucher-prod-vouchers"
    bucket = built.text({"Fn::GetAtt": ["EvidenceBucket", "Arn"]})
    assert bucket == "arn:aws-cn:s3:::voucher-prod-evidence-123456789012"
    assert built.text({"Ref": "ExpiryQueue"}).endswith(".amazonaws.com.cn/123456789012/voucher-prod-expiry")


def test_key_sets_of_four_rsa_keys_fit_into_their_parameters(template: Template, plain: Template) -> None:
    (built, *_) = builds(template, plain)
    keys = json.loads(built.parameters["CardJwks"])["keys"]
    assert len(keys) == 4
    assert all(len(key["n"]) == 342 for key in keys)  # 2,048 bits in base64url


def test_settings_too_large_for_an_environment_are_found(template: Template, plain: Template) -> None:
    planted = copy.deepcopy(plain)
    variables = planted["Resources"]["APIHandler"]["Properties"]["Environment"]["Variables"]
    variables["CARD_JWKS"] = {"Ref": "CardJwks"}
    variables["PLATFORM_JWKS"] = {"Ref": "PlatformJwks"}
    assert "environment of a function" in broken(rows(builds(template, planted)))


def test_a_third_reader_of_a_stream_is_found(template: Template, plain: Template) -> None:
    planted = copy.deepcopy(plain)
    mapping = planted["Resources"]["RecordAuditVouchersSource"]
    planted["Resources"]["ThirdVouchersSource"] = mapping
    assert broken(rows(builds(template, planted)))["readers of a stream shard"].use.subject == "VouchersTable"


def test_a_queue_seen_again_too_early_is_found(template: Template, plain: Template) -> None:
    planted = copy.deepcopy(plain)
    planted["Resources"]["ExpiryQueue"]["Properties"]["VisibilityTimeout"] = 120
    assert "visibility, of the consumer's time-out" in broken(rows(builds(template, planted)))


def test_what_cannot_be_written_out_is_told_not_passed_over(template: Template, plain: Template) -> None:
    (built, *_) = builds(template, plain)
    with pytest.raises(ValueError, match="no rule to write out"):
        built.text({"Fn::ImportValue": "elsewhere"})
