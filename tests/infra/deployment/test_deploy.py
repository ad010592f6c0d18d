"""An update is split, or refused before it begins, where AWS would refuse it half way."""

import copy
import itertools
import json
from typing import Any

import pytest

from infra.deployment.deploy import Deployment
from infra.deployment.updates import DeploymentFailed, expanded, refused_changes, steps_to

Template = dict[str, Any]


def index(name: str, key: str, kind: str = "KEYS_ONLY") -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "Projection": {"ProjectionType": kind},
    }


def template_with(**tables: list[dict[str, Any]]) -> Template:
    resources = {}
    for name, indexes in tables.items():
        keys = {"id", *(part["AttributeName"] for one in indexes for part in one["KeySchema"])}
        properties: dict[str, Any] = {
            "TableName": f"voucher-prod-{name.lower()}",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in sorted(keys)],
        }
        if indexes:
            properties["GlobalSecondaryIndexes"] = indexes
        resources[name] = {"Type": "AWS::DynamoDB::Table", "Properties": properties}
    return {"Resources": resources, "Parameters": {}}


def indexes_of(template: Template, table: str = "Vouchers") -> list[str]:
    properties = template["Resources"][table]["Properties"]
    return [one["IndexName"] for one in properties.get("GlobalSecondaryIndexes", [])]


def test_an_update_that_changes_one_index_of_each_table_is_one_step() -> None:
    before = template_with(Vouchers=[], Claims=[index("by_a", "a")])
    after = template_with(Vouchers=[index("by_b", "b")], Claims=[])
    assert steps_to(before, after) == [after]


def test_two_index_changes_of_one_table_become_two_updates() -> None:
    before = template_with(Vouchers=[index("by_a", "a")], Claims=[])
    after = template_with(Vouchers=[index("by_b", "b"), index("by_c", "c")], Claims=[index("by_d", "d")])
    steps = steps_to(before, after)
    assert [indexes_of(step) for step in steps] == [[], ["by_b"], ["by_b", "by_c"]]
    assert steps[-1] == after
    changed = [indexes_of(before), *map(indexes_of, steps)]
    assert all(len(set(one) ^ set(two)) <= 1 for one, two in itertools.pairwise(changed))


def test_each_step_defines_the_attributes_of_its_indexes_and_no_others() -> None:
    before = template_with(Vouchers=[])
    after = template_with(Vouchers=[index("by_b", "b"), index("by_c", "c")])
    first = steps_to(before, after)[0]["Resources"]["Vouchers"]["Properties"]
    assert [item["AttributeName"] for item in first["AttributeDefinitions"]] == ["b", "id"]


def test_a_first_deployment_is_one_step() -> None:
    after = template_with(Vouchers=[index("by_b", "b"), index("by_c", "c")])
    assert steps_to(None, after) == [after]
    assert steps_to(template_with(), after) == [after], "a new table is made with all its indexes"


def test_a_table_that_an_update_adds_is_protected_in_a_step_of_its_own() -> None:
    """A rollback could not remove a protected one, and no later update could make it."""
    before = template_with(Vouchers=[])
    after = template_with(Vouchers=[index("by_a", "a")], Claims=[])
    for name in after["Resources"]:
        after["Resources"][name]["Properties"]["DeletionProtectionEnabled"] = {
            "Fn::If": ["ProtectData", True, False]
        }
    first, last = steps_to(before, after)
    assert "DeletionProtectionEnabled" not in first["Resources"]["Claims"]["Properties"]
    assert "DeletionProtectionEnabled" in first["Resources"]["Vouchers"]["Properties"], "what stands stays so"
    assert last == after
    assert steps_to(after, after) == [after]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table["KeySchema"][0].update(AttributeName="other"), "its key cannot be changed"),
        (lambda table: table.update(TableName="voucher-prod-else"), "its name cannot be changed"),
        (lambda table: table["AttributeDefinitions"][0].update(AttributeType="N"), "the type of a"),
        (
            lambda table: table["GlobalSecondaryIndexes"][0]["KeySchema"][0].update(AttributeName="id"),
            "index by_a",
        ),
        (lambda table: table["GlobalSecondaryIndexes"][0].update(Projection={}), "index by_a"),
    ],
)
def test_what_would_make_a_table_anew_is_refused(change: Any, told: str) -> None:
    before = template_with(Vouchers=[index("by_a", "a")])
    after = copy.deepcopy(before)
    change(after["Resources"]["Vouchers"]["Properties"])
    (fault,) = refused_changes(before, after)
    assert fault.startswith("Vouchers: ")
    assert told in fault


def test_what_holds_data_cannot_be_left_out() -> None:
    before = template_with(Vouchers=[], Claims=[])
    assert refused_changes(before, template_with(Vouchers=[])) == [
        "Claims: holds data and is missing from the new template"
    ]
    assert refused_changes(before, before) == []


def stack_with(role: dict[str, Any], **resources: Any) -> Template:
    return {"Resources": {"JobRole": {"Type": "AWS::IAM::Role", "Properties": role}, **resources}}


def rights(*statements: tuple[list[str], list[Any]], name: str = "job") -> dict[str, Any]:
    told = [{"Effect": "Allow", "Action": actions, "Resource": on} for actions, on in statements]
    return {"PolicyName": name, "PolicyDocument": {"Version": "2012-10-17", "Statement": told}}


def kept_rights(template: Template) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give a role, and the statements of the policies that are attached to it for the code before."""
    role = template["Resources"]["JobRole"]["Properties"]
    names = [attached["Ref"] for attached in role["ManagedPolicyArns"] if "Before" in attached["Ref"]]
    policies = [template["Resources"][name]["Properties"]["PolicyDocument"] for name in names]
    return role, [statement for policy in policies for statement in policy["Statement"]]


def test_old_code_keeps_the_rights_that_new_code_does_without() -> None:
    table, other = {"Fn::GetAtt": ["VouchersTable", "Arn"]}, {"Fn::GetAtt": ["ClaimsTable", "Arn"]}
    before = stack_with({"Policies": [rights((["dynamodb:GetItem", "dynamodb:Query"], [table, other]))]})
    after = stack_with({"Policies": [rights((["dynamodb:GetItem"], [table]))]})
    role, kept = kept_rights(expanded(before, after))
    assert role["Policies"] == after["Resources"]["JobRole"]["Properties"]["Policies"]
    lost = {
        (action, json.dumps(resource))
        for statement in kept
        for action in statement["Action"]
        for resource in statement["Resource"]
    }
    assert lost == {
        ("dynamodb:Query", json.dumps(table)),
        ("dynamodb:Query", json.dumps(other)),
        ("dynamodb:GetItem", json.dumps(other)),
    }


def test_a_right_that_moved_to_an_attached_policy_is_not_lost_and_conditions_count() -> None:
    statement = {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": ["key"], "Condition": {"a": 1}}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    inline = stack_with({"Policies": [{"PolicyName": "job", "PolicyDocument": document}]})
    beside = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    attached = stack_with({"Policies": [], "ManagedPolicyArns": [{"Ref": "Beside"}]}, Beside=beside)
    assert expanded(inline, attached) == attached
    free = copy.deepcopy(inline)
    del free["Resources"]["JobRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0][
        "Condition"
    ]
    (_, kept) = kept_rights(expanded(free, inline))
    assert ["Condition" in statement for statement in kept] == [False]


def test_rights_that_are_kept_fit_into_policies_and_are_kept_again_when_code_was_led_back() -> None:
    tables = [{"Fn::GetAtt": [f"T{number}", "Arn"]} for number in range(120)]
    before = stack_with({"Policies": [rights((["dynamodb:Query"], tables))]})
    after = stack_with({"Policies": [rights((["dynamodb:GetItem"], tables[:1]))]})
    grown = expanded(before, after)
    role, kept = kept_rights(grown)
    assert [len(statement["Resource"]) for statement in kept] == [35, 35, 35, 15]
    assert len(role["ManagedPolicyArns"]) == 4
    assert expanded(grown, after) == grown


def test_old_code_keeps_its_indexes_and_what_starts_it_until_it_is_gone() -> None:
    before = template_with(Vouchers=[index("by_a", "a")])
    before["Resources"]["OldRule"] = {"Type": "AWS::Events::Rule", "Properties": {}}
    before["Parameters"]["Old"] = {"Type": "String"}
    after = template_with(Vouchers=[index("by_b", "b")])
    grown = expanded(before, after)
    assert indexes_of(grown) == ["by_a", "by_b"]
    attributes = grown["Resources"]["Vouchers"]["Properties"]["AttributeDefinitions"]
    assert [item["AttributeName"] for item in attributes] == ["a", "b", "id"]
    assert "OldRule" in grown["Resources"]
    assert "Old" in grown["Parameters"]
    assert steps_to(before, grown) == [grown]
    assert steps_to(grown, after) == [after]
    assert expanded(after, after) == after


def test_missing_and_unknown_parameters_are_told_at_once_with_their_meaning() -> None:
    template = {
        "Parameters": {
            "PlatformUrl": {"Type": "String", "Description": "Base URL of the national platform"},
            "CardIssuer": {"Type": "String", "Description": "who signs"},
            "Other": {"Type": "String", "Default": "x"},
        }
    }
    with pytest.raises(DeploymentFailed) as failure:
        Deployment._require_parameters(template, {"Platfrom": "x"}, kept={"CardIssuer"})
    assert str(failure.value).splitlines() == [
        "PlatformUrl has no value yet: Base URL of the national platform",
        "Platfrom is no parameter of the template",
    ]
