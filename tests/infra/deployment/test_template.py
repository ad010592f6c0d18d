"""The merged template holds what the program and its tables need, and nothing by accident."""

import functools
import importlib
import json
from typing import Any

import pytest
from samtranslator.translator.transform import transform

from chalicelib.exchange.messages.reported import STREAMED
from infra.deployment.functions import ALIAS, FUNCTIONS, alias_id, handler, logical_id
from infra.deployment.policies import role_id
from infra.deployment.storage import camel, dead_letters_id, has_dead_letters
from infra.deployment.template import TARGETS_OF_A_RULE_MAX, function_output

Template = dict[str, Any]


def _of_type(template: Template, kind: str) -> dict[str, Any]:
    return {name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == kind}


def _functions(template: Template) -> dict[str, Any]:
    return _of_type(template, "AWS::Serverless::Function")


def _statements(template: Template) -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, statement)
        for name, role in _of_type(template, "AWS::IAM::Role").items()
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ] + [
        (name, statement)
        for name, policy in _of_type(template, "AWS::IAM::ManagedPolicy").items()
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_every_packaged_handler_is_a_callable_of_the_program(template: Template) -> None:
    for function in _functions(template).values():
        module, _, name = function["Handler"].rpartition(".")
        assert callable(getattr(importlib.import_module(module), name)), function["Handler"]


def test_program_table_and_template_name_the_same_functions(template: Template) -> None:
    program = importlib.import_module("app").app
    ours = {handler(function) for function in FUNCTIONS}
    assert {function["Handler"] for function in _functions(template).values()} == ours
    declared = [*program.pure_lambda_functions, *program.event_sources]
    assert {one.handler_string for one in declared} == ours - {"app.app"}
    assert set(_functions(template)) == {logical_id(function) for function in FUNCTIONS}


def test_no_merged_key_made_a_stray_resource(template: Template, local_template: Template) -> None:
    for one in (template, local_template):
        strays = [name for name, resource in one["Resources"].items() if "Type" not in resource]
        assert strays == []


def test_size_and_limits_of_the_table_reach_the_functions(template: Template) -> None:
    for function in FUNCTIONS:
        found = _functions(template)[logical_id(function)]
        assert (found["MemorySize"], found["Timeout"]) == (function.memory_mb, function.timeout_seconds)


def test_each_function_has_a_role_of_its_own(template: Template) -> None:
    for function in FUNCTIONS:
        found = _functions(template)[logical_id(function)]
        assert found["Role"] == {"Fn::GetAtt": [role_id(function), "Arn"]}
    assert "replaced-by-the-merged-template" not in json.dumps(template)


def test_each_function_has_an_alias_that_no_update_of_the_stack_moves(template: Template) -> None:
    aliases = _of_type(template, "AWS::Lambda::Alias")
    assert aliases == {
        alias_id(function): {
            "FunctionName": {"Ref": logical_id(function)},
            "FunctionVersion": "$LATEST",
            "Name": ALIAS,
        }
        for function in FUNCTIONS
    }


def test_whatever_starts_a_function_asks_for_its_alias(template: Template) -> None:
    """What named the function itself would run new code before it was tried, and after it was led back."""
    aliases = [{"Ref": alias_id(function)} for function in FUNCTIONS]
    for kind in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission"):
        for name, one in _of_type(template, kind).items():
            assert one["FunctionName"] in aliases, name
    for name, rule in _of_type(template, "AWS::Events::Rule").items():
        assert 1 <= len(rule["Targets"]) <= TARGETS_OF_A_RULE_MAX, name
        assert all(target["Arn"] in aliases for target in rule["Targets"]), name
    targets = [
        target["Id"]
        for rule in _of_type(template, "AWS::Events::Rule").values()
        for target in rule["Targets"]
    ]
    assert sorted(targets) == sorted(one.name for one in FUNCTIONS if one.schedule or one.bucket), "each once"
    (api,) = _of_type(template, "AWS::Serverless::Api").values()
    uris = {
        method["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        for path in api["DefinitionBody"]["paths"].values()
        for method in path.values()
        if method.get("x-amazon-apigateway-integration", {}).get("type") == "aws_proxy"
    }
    start = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
    assert uris == {start + "${APIHandlerLive}/invocations"}
    for function in FUNCTIONS:
        told = template["Outputs"][function_output(function)]["Value"]
        assert told == {"Fn::Sub": f"${{{logical_id(function)}}}:{ALIAS}"}, "what operators start by hand"


def test_policies_name_every_resource(template: Template) -> None:
    allowed = {"dynamodb:ListStreams"}
    for role, statement in _statements(template):
        if "*" in statement["Resource"]:
            assert set(statement["Action"]) <= allowed, role


def test_only_walks_over_everything_may_scan_a_table(template: Template) -> None:
    scanners = {role for role, statement in _statements(template) if "dynamodb:Scan" in statement["Action"]}
    walkers = {"ReencryptPeopleRole", "CompareAuditRole", "MigrateRowsRole", "ReconcileExchangeRole"}
    assert scanners == walkers, (
        "two rewrite every row they read, two look for what is missing; everything else has a key or an index"
    )


def test_every_streamed_table_feeds_the_audit_and_those_the_platform_is_told_of_the_exchange(
    template: Template,
) -> None:
    streamed = {
        name
        for name, table in _of_type(template, "AWS::DynamoDB::Table").items()
        if "StreamSpecification" in table
    }
    audited = streamed - {"CheckInsTable"}  # evidence that is only added to
    mappings = _of_type(template, "AWS::Lambda::EventSourceMapping").values()
    told = {camel(name) + "Table" for name in STREAMED}
    assert told <= streamed
    for consumer, wanted in (("RecordAudit", audited), ("ReturnChanges", told)):
        fed = {
            mapping["EventSourceArn"]["Fn::GetAtt"][0]
            for mapping in mappings
            if mapping["FunctionName"] == {"Ref": consumer + "Live"}
            and mapping.get("StartingPosition") == "TRIM_HORIZON"
        }
        assert fed == wanted
    assert streamed


def _stream_mappings(template: Template) -> dict[str, Any]:
    mappings = _of_type(template, "AWS::Lambda::EventSourceMapping")
    return {name: one for name, one in mappings.items() if "StartingPosition" in one}


def test_streams_try_until_a_record_is_gone_and_halve_what_fails(template: Template) -> None:
    for name, mapping in _stream_mappings(template).items():
        assert mapping["MaximumRetryAttempts"] == mapping["MaximumRecordAgeInSeconds"] == -1, name
        assert mapping["BisectBatchOnFunctionError"] is True, name
        assert mapping["StartingPosition"] == "TRIM_HORIZON", name


def test_the_exchange_is_handed_new_rows_only_and_several_batches_at_once(template: Template) -> None:
    mappings = {
        name: one for name, one in _stream_mappings(template).items() if name.startswith("ReturnChanges")
    }
    assert len(mappings) == len(STREAMED)
    for mapping in mappings.values():
        assert mapping["FilterCriteria"] == {"Filters": [{"Pattern": '{"eventName": ["INSERT", "MODIFY"]}'}]}
    lanes = {
        name.removeprefix("ReturnChanges"): one["ParallelizationFactor"] for name, one in mappings.items()
    }
    assert {name for name, count in lanes.items() if count > 1} == {"CheckInsSource", "VouchersSource"}, (
        "what changes much is told several batches at once: a row is a subject, its changes stay in their order"
    )


def test_the_audit_misses_no_kind_of_change_and_has_one_batch_of_a_shard_at_a_time(
    template: Template,
) -> None:
    """Every batch of a table moves the heads of the same chains: several at once would only wait for another."""
    for name, mapping in _stream_mappings(template).items():
        if name.startswith("RecordAudit"):
            assert "FilterCriteria" not in mapping, name
            assert mapping["ParallelizationFactor"] == 1, name


def test_consumers_cannot_starve_the_api(template: Template) -> None:
    for name, parameter in (("APIHandler", "ApiConcurrency"), ("RecordAudit", "ConsumerConcurrency")):
        reserved = _functions(template)[name]["ReservedConcurrentExecutions"]
        assert reserved["Fn::If"][:2] == [f"Reserve{parameter}", {"Ref": parameter}]
    mappings = _of_type(template, "AWS::Lambda::EventSourceMapping")
    for function in FUNCTIONS:
        if function.queue:
            assert mappings[logical_id(function) + "Source"]["ScalingConfig"]["MaximumConcurrency"] <= 5


def test_tables_are_recoverable_encrypted_and_kept(template: Template) -> None:
    for name, table in _of_type(template, "AWS::DynamoDB::Table").items():
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True, name
        assert table["SSESpecification"]["KMSMasterKeyId"] == {"Ref": "DataKey"}, name
        assert template["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate", name
        assert template["Resources"][name]["UpdateReplacePolicy"] == "Retain", name


def test_logs_and_queues_outlive_the_stack(template: Template) -> None:
    """Their days were promised; only a first deployment that fails takes along what it had made."""
    for name, one in template["Resources"].items():
        if one["Type"] in {"AWS::Logs::LogGroup", "AWS::SQS::Queue"}:
            assert one["DeletionPolicy"] == "RetainExceptOnCreate", name
            assert one["UpdateReplacePolicy"] == "Retain", name
            assert "Condition" not in one, f"{name}: switched off and on again, its name would be taken"
    logs = _of_type(template, "AWS::Logs::LogGroup")
    assert all(one["RetentionInDays"] >= 180 for one in logs.values())
    assert "AccessLog" in logs


def test_what_nobody_waits_for_has_dead_letters_and_an_alarm(template: Template) -> None:
    for function in FUNCTIONS:
        assert logical_id(function) + "Errors" in template["Resources"]
        if has_dead_letters(function):
            assert dead_letters_id(function) in template["Resources"]
            assert dead_letters_id(function) + "Depth" in template["Resources"]


def test_every_queue_reports_single_failures(template: Template) -> None:
    mappings = _of_type(template, "AWS::Lambda::EventSourceMapping")
    for function in FUNCTIONS:
        if function.queue:
            mapping = mappings[logical_id(function) + "Source"]
            assert mapping["EventSourceArn"]["Fn::GetAtt"][0] == camel(function.queue.name) + "Queue"
            assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_function_gets_all_settings(template: Template) -> None:
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    for function in _functions(template).values():
        own = function["Environment"]["Variables"]
        assert own == {"STAGE": "prod", "TABLE_PREFIX": "voucher-prod-"}
        assert not set(own) & set(shared)


def test_time_travel_is_known_to_the_local_stage_only(template: Template, local_template: Template) -> None:
    assert "ALLOW_TIME_TRAVEL" not in json.dumps(template)
    assert "ALLOW_TIME_TRAVEL" in json.dumps(local_template)


def test_another_receiver_of_webhooks_is_known_to_the_local_stage_only(
    template: Template, local_template: Template
) -> None:
    assert "WebhookReceiver" not in json.dumps(template)
    assert "WEBHOOK_RECEIVER" not in json.dumps(template)
    told = local_template["Globals"]["Function"]["Environment"]["Variables"]["WEBHOOK_RECEIVER"]
    assert told == {"Ref": "WebhookReceiver"}


def test_the_template_lives_in_any_partition(template: Template) -> None:
    assert "arn:aws" not in json.dumps(template)


def test_the_api_is_regional(template: Template) -> None:
    assert template["Resources"]["RestAPI"]["Properties"]["EndpointConfiguration"] == {"Type": "REGIONAL"}


def test_the_transformed_template_is_sound(template: Template, monkeypatch: pytest.MonkeyPatch) -> None:
    from cfnlint.api import lint_all
    from cfnlint.template import Template as Linted

    # The linter lists every attribute of every resource in every region anew for each Fn::GetAtt it meets, though
    # a template stays the same while it is looked at: nine tenths of its work.
    monkeypatch.setattr(Linted, "get_valid_getatts", functools.cache(Linted.get_valid_getatts))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-north-1")
    given = json.loads(json.dumps(template))
    for function in _functions(given).values():
        function["CodeUri"] = {"Bucket": "artifacts", "Key": "code.zip"}
    plain = transform(given, {}, type("Policies", (), {"load": staticmethod(dict)})())
    assert [str(found) for found in lint_all(json.dumps(plain)) if found.rule.id.startswith("E")] == []
