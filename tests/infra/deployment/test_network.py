"""Where the service is reached, and from where it calls the platform: by parameter, and as before without them."""

import urllib.parse
from typing import Any

import botocore.session
import pytest

from chalicelib.aws import clients
from infra.deployment.functions import FUNCTIONS, logical_id
from infra.deployment.network import SENDERS
from infra.deployment.policies import log_group_id, role_id

Template = dict[str, Any]


def test_a_domain_leads_to_the_stage_under_the_path_that_it_has(template: Template) -> None:
    resources = template["Resources"]
    domain, mapping = resources["ApiDomainName"], resources["ApiDomainMapping"]
    assert domain["Condition"] == mapping["Condition"] == "HasDomain"
    assert domain["Properties"]["RegionalCertificateArn"] == {"Ref": "ApiCertificateArn"}
    assert domain["Properties"]["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert mapping["Properties"]["BasePath"] == resources["RestAPI"]["Properties"]["StageName"] == "api"
    assert template["Outputs"]["ApiDomainTarget"]["Condition"] == "HasDomain"


def test_only_what_calls_the_platform_stands_in_the_subnets(template: Template) -> None:
    for function in FUNCTIONS:
        properties = template["Resources"][logical_id(function)]["Properties"]
        role = template["Resources"][role_id(function)]["Properties"]
        own = [arn for arn in role.get("ManagedPolicyArns", ()) if "Fn::If" in arn]
        if function.name in SENDERS:
            condition, place, otherwise = properties["VpcConfig"]["Fn::If"]
            assert (condition, otherwise) == ("InVpc", {"Ref": "AWS::NoValue"})
            assert place["SubnetIds"] == {"Ref": "SubnetIds"}
            assert [arn["Fn::If"][0] for arn in own] == ["InVpc"]
        else:
            assert "VpcConfig" not in properties
            assert own == []


def test_without_the_parameters_nothing_of_it_is_there(template: Template, local_template: Template) -> None:
    for name in ("ApiDomain", "ApiCertificateArn", "SubnetIds", "SecurityGroupIds"):
        assert template["Parameters"][name]["Default"] == ""
        assert name not in local_template["Parameters"]


def test_logs_and_queues_outlive_the_stack_in_production_and_not_on_a_desk(
    template: Template, local_template: Template
) -> None:
    kept = {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::SQS::Queue" or name in {log_group_id(function) for function in FUNCTIONS}
    }
    assert len(kept) > 2 * len(FUNCTIONS)
    for name in kept:
        assert template["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate", name
        assert template["Resources"][name]["UpdateReplacePolicy"] == "Retain", name
        assert local_template["Resources"][name]["DeletionPolicy"] == "Delete", name


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
        ("cn-northwest-1", "s3.cn-northwest-1.amazonaws.com.cn"),
        ("eu-central-1", "s3.eu-central-1.amazonaws.com"),
    ],
)
def test_links_and_forms_that_browsers_get_stay_in_the_region(
    region: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link to another region's address would be sent on, or refused, and in China leave the country."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setattr(clients, "_session", botocore.session.get_session)
    s3 = clients.client.__wrapped__("s3")
    place = {"Bucket": "voucher-prod-evidence-123456789012", "Key": "footage/x"}
    addresses = [
        s3.generate_presigned_url("get_object", Params=place),
        s3.generate_presigned_post(**place)["url"],
    ]
    assert [urllib.parse.urlsplit(address).hostname for address in addresses] == [host, host]
