"""Where the service is reached, and from where it reaches the national platform: both by parameter.

A region in mainland China needs the first: there the gateway answers 403 to calls without a signature, as
all of ours are, until the account has an ICP licence or filing; a domain needs one too. The second is for a
platform that lets only known addresses in: functions that send to it then run in subnets whose way out is a
NAT gateway with a fixed address. What else they call (DynamoDB, KMS, SQS, Secrets Manager) goes the same way,
or by endpoints of the VPC; neither is made here.
"""

from __future__ import annotations

from typing import Any, Final

from infra.deployment.functions import API, Function
from infra.deployment.watching import API_STAGE

Json = dict[str, Any]

SENDERS: Final = frozenset({API, "reconcile_exchange", "remind_shard", "return_changes"})
"""Functions that call the national platform (`chalicelib.exchange.sending`)."""
VPC_POLICY: Final = "service-role/AWSLambdaVPCAccessExecutionRole"
_NOTHING: Final[Json] = {"Ref": "AWS::NoValue"}


def network_parameters() -> Json:
    """Declare the domain with its certificate, and the subnets with their security groups."""
    return {
        "ApiDomain": {
            "Type": "String",
            "Default": "",
            "Description": "Domain of the API, e.g. voucher.example.gov.cn; in China one with an ICP number",
        },
        "ApiCertificateArn": {
            "Type": "String",
            "Default": "",
            "Description": "Certificate of that domain in this region's Certificate Manager",
        },
        "SubnetIds": {
            "Type": "CommaDelimitedList",
            "Default": "",
            "Description": "Subnets with a fixed address outwards, for what calls the platform",
        },
        "SecurityGroupIds": {
            "Type": "CommaDelimitedList",
            "Default": "",
            "Description": "Security groups of those functions",
        },
    }


def network_conditions() -> Json:
    """Give the conditions on those parameters."""
    return {
        "HasDomain": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ApiDomain"}, ""]}]},
        "InVpc": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "SubnetIds"}]}, ""]}]},
    }


def domain_resources() -> Json:
    """Make the domain and lead it to the stage, under the path that the stage has: links stay the same."""
    return {
        "ApiDomainName": {
            "Type": "AWS::ApiGateway::DomainName",
            "Condition": "HasDomain",
            "Properties": {
                "DomainName": {"Ref": "ApiDomain"},
                "RegionalCertificateArn": {"Ref": "ApiCertificateArn"},
                "EndpointConfiguration": {"Types": ["REGIONAL"]},
                "SecurityPolicy": "TLS_1_2",
            },
        },
        "ApiDomainMapping": {
            "Type": "AWS::ApiGateway::BasePathMapping",
            "Condition": "HasDomain",
            "Properties": {
                "BasePath": API_STAGE,
                "DomainName": {"Ref": "ApiDomainName"},
                "RestApiId": {"Ref": "RestAPI"},
                "Stage": {"Ref": "RestAPI.Stage"},
            },
        },
    }


def domain_outputs() -> Json:
    """Tell what the domain's own record (CNAME or alias) has to point to."""
    return {
        "ApiDomainTarget": {
            "Condition": "HasDomain",
            "Value": {"Fn::GetAtt": ["ApiDomainName", "RegionalDomainName"]},
        }
    }


def vpc_config(function: Function) -> Json:
    """Give a sender's place in the network, if there is one."""
    if function.name not in SENDERS:
        return {}
    place = {"SubnetIds": {"Ref": "SubnetIds"}, "SecurityGroupIds": {"Ref": "SecurityGroupIds"}}
    return {"VpcConfig": {"Fn::If": ["InVpc", place, _NOTHING]}}


def vpc_policies(function: Function) -> list[Json]:
    """Let a sender in a network make its interfaces: by AWS's own policy, which can name no resource."""
    if function.name not in SENDERS:
        return []
    policy = {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::aws:policy/{VPC_POLICY}"}
    return [{"Fn::If": ["InVpc", policy, _NOTHING]}]
