"""What an update of the stack may do, in which steps, and what the code that still answers keeps meanwhile.

Templates in, templates out: `infra.deployment.deploy` asks CloudFormation, this only thinks.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterator
from typing import Any, Final

from infra.deployment.storage import Json

_PROTECTED: Final = "DeletionProtectionEnabled"
_INDEXES_MAX: Final = 20
_RESOURCES_A_POLICY: Final = 35
"""A managed policy has room for 6,144 characters, and a name of ours takes a hundred at the most."""
KEEPS_DATA: Final = frozenset(
    {
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
    }
)
"""What holds something that cannot be made again: never replaced and never removed by a deployment."""


class DeploymentFailed(RuntimeError):
    """The stack could not be created or updated; the message tells which resources, why, and what to do."""


def refused_changes(before: Json, after: Json, *, moved: bool = False) -> list[str]:
    """Tell what of an update AWS would refuse, or would do by making the table anew without its rows.

    `moved`: the tables of before are left behind, outside the stack, for as many restored ones.
    """
    found = []
    left, come = _tables_only_in(before, after), _tables_only_in(after, before)
    leaves = left if moved and len(left) == len(come) else frozenset()
    for name, old in before["Resources"].items():
        if old["Type"] not in KEEPS_DATA:
            continue
        new = after["Resources"].get(name)
        if new is None and name in leaves and str(old.get("DeletionPolicy")).startswith("Retain"):
            continue
        if new is None:
            found.append(f"{name}: holds data and is missing from the new template")
        elif old["Type"] == "AWS::DynamoDB::Table":
            found += _table_faults(name, old["Properties"], new["Properties"])
    return found


def _tables_only_in(template: Json, other: Json) -> frozenset[str]:
    return frozenset(name for name, _ in _tables_of(template) if name not in other["Resources"])


def _table_faults(name: str, old: Json, new: Json) -> list[str]:
    found = []
    if old["KeySchema"] != new["KeySchema"]:
        found.append(f"{name}: its key cannot be changed; make a new table and migrate its rows")
    if old.get("TableName") != new.get("TableName"):
        found.append(f"{name}: its name cannot be changed; its rows would stay behind")
    kinds = {item["AttributeName"]: item["AttributeType"] for item in old["AttributeDefinitions"]}
    found += [
        f"{name}: the type of {item['AttributeName']} cannot be changed"
        for item in new["AttributeDefinitions"]
        if kinds.get(item["AttributeName"], item["AttributeType"]) != item["AttributeType"]
    ]
    before, after = _indexes_of(old), _indexes_of(new)
    found += [
        f"{name}: index {index} cannot be changed; give the new one another name"
        for index in before.keys() & after.keys()
        if before[index] != after[index]
    ]
    return found


def _indexes_of(table: Json) -> dict[str, Json]:
    return {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes", ())}


def steps_to(before: Json | None, after: Json) -> list[Json]:
    """Split an update into templates of which each changes one index a table: DynamoDB takes no more at once.

    The last one is the new template itself. Indexes are taken away first: a table has room for twenty. New
    tables are made unprotected first: a rollback could not remove a protected one, and its name would be
    taken for ever.
    """
    if before is None:
        return [after]
    new = [
        name for name, table in _tables_of(after) if name not in before["Resources"] and table.get(_PROTECTED)
    ]
    if new:
        unprotected = _unprotected(after, new)
        return [*steps_to(before, unprotected), after]
    steps: list[Json] = []
    standing = {name: _indexes_of(table) for name, table in _tables_of(before)}
    while True:
        due = {name: _next_index_change(standing.get(name), table) for name, table in _tables_of(after)}
        due = {name: change for name, change in due.items() if change is not None}
        left = [
            name for name in due if _changes_left(standing[name], after["Resources"][name]["Properties"]) > 1
        ]
        if not left:
            return [*steps, after]
        for name, change in due.items():
            assert change is not None
            standing[name] = change
        steps.append(_with_indexes(after, {name: standing[name] for name in due}))


def _tables_of(template: Json) -> Iterator[tuple[str, Json]]:
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            yield name, resource["Properties"]


def _changes_left(standing: dict[str, Json], table: Json) -> int:
    return len(standing.keys() ^ _indexes_of(table).keys())


def _next_index_change(standing: dict[str, Json] | None, table: Json) -> dict[str, Json] | None:
    """Give the indexes after one more change towards the new table, or None if there is nothing to change."""
    if standing is None:
        return None
    wanted = _indexes_of(table)
    gone = sorted(standing.keys() - wanted.keys())
    if gone:
        return {name: index for name, index in standing.items() if name != gone[0]}
    new = sorted(wanted.keys() - standing.keys())
    return {**standing, new[0]: wanted[new[0]]} if new else None


def _unprotected(template: Json, tables: Collection[str]) -> Json:
    made = copy.deepcopy(template)
    for name in tables:
        del made["Resources"][name]["Properties"][_PROTECTED]
    return made


def _with_indexes(template: Json, indexes: dict[str, dict[str, Json]]) -> Json:
    """Give a template in which these tables have these indexes, and define the attributes of those only."""
    made = copy.deepcopy(template)
    for name, wanted in indexes.items():
        table = made["Resources"][name]["Properties"]
        keys = [*table["KeySchema"], *(key for index in wanted.values() for key in index["KeySchema"])]
        used = {key["AttributeName"] for key in keys}
        known = {item["AttributeName"]: item for item in table["AttributeDefinitions"]}
        table["AttributeDefinitions"] = [known[attribute] for attribute in sorted(used) if attribute in known]
        if wanted:
            table["GlobalSecondaryIndexes"] = [wanted[index] for index in sorted(wanted)]
        else:
            table.pop("GlobalSecondaryIndexes", None)
    return made


# --------------------------------------------------------------------------- what the old code keeps


def expanded(before: Json, after: Json) -> Json:
    """Give the new template together with all that the code of before still needs while it answers.

    Functions are led to their new version after the stack is updated (`infra.deployment.rolling`). Until
    then, and again if they are led back, the old code runs on the new stack: it keeps its rights, indexes,
    queues and what starts it. What nobody needs any more goes in an update of its own, at the end.
    """
    made = copy.deepcopy(after)
    for section in ("Parameters", "Conditions", "Resources"):
        for name, value in before.get(section, {}).items():
            made.setdefault(section, {}).setdefault(name, copy.deepcopy(value))
    for name, old in before["Resources"].items():
        new = after["Resources"].get(name)
        if new is None or new["Type"] != old["Type"]:
            continue
        if old["Type"] == "AWS::IAM::Role":
            lost = _lost_rights(_rights_of(name, before), _rights_of(name, after))
            for number, policy in enumerate(_kept_rights(lost)):
                made["Resources"][f"{name}Before{number}"] = policy
                attached = made["Resources"][name]["Properties"].setdefault("ManagedPolicyArns", [])
                attached.append({"Ref": f"{name}Before{number}"})
        elif old["Type"] == "AWS::DynamoDB::Table":
            _keep_indexes(old["Properties"], made["Resources"][name]["Properties"])
    return made


Right = tuple[str, str, str]
"""Condition, resource and action of an allowance."""


def _rights_of(role: str, template: Json) -> list[Right]:
    """List what a role may do, by its own policies and by those of the template that it has attached."""
    properties = template["Resources"][role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
    for attached in properties.get("ManagedPolicyArns", ()):
        policy = template["Resources"].get(attached.get("Ref", "")) if isinstance(attached, dict) else None
        if policy is not None:
            documents.append(policy["Properties"]["PolicyDocument"])
    return [
        (json.dumps(statement.get("Condition"), sort_keys=True), json.dumps(resource, sort_keys=True), action)
        for document in documents
        for statement in document["Statement"]
        for resource in _listed(statement["Resource"])
        for action in _listed(statement["Action"])
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _lost_rights(before: Collection[Right], after: Collection[Right]) -> list[Right]:
    now = set(after)
    return sorted({right for right in before if right not in now})


def _kept_rights(lost: Collection[Right]) -> Iterator[Json]:
    """Give rights as managed policies: beside what a large role has in itself there would be no room."""
    actions_on: dict[tuple[str, str], list[str]] = {}
    for condition, resource, action in lost:
        actions_on.setdefault((condition, resource), []).append(action)
    alike: dict[tuple[str, tuple[str, ...]], list[Any]] = {}
    for (condition, resource), actions in actions_on.items():
        alike.setdefault((condition, tuple(actions)), []).append(json.loads(resource))
    told: list[Json] = []
    room = _RESOURCES_A_POLICY
    for (condition, actions_alike), resources in alike.items():
        left = resources
        while left:
            part, left = left[:room], left[room:]
            statement: Json = {"Effect": "Allow", "Action": list(actions_alike), "Resource": part}
            if json.loads(condition) is not None:
                statement["Condition"] = json.loads(condition)
            told.append(statement)
            room -= len(part)
            if not room:
                yield _policy_of_before(told)
                told, room = [], _RESOURCES_A_POLICY
    if told:
        yield _policy_of_before(told)


def _policy_of_before(statements: list[Json]) -> Json:
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "Description": "What the code before may do until it is gone",
            "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
        },
    }


def _keep_indexes(old: Json, made: Json) -> None:
    """Leave a table its old indexes, as far as there is room for them."""
    indexes = {**_indexes_of(old), **_indexes_of(made)}
    if len(indexes) > _INDEXES_MAX or indexes.keys() == _indexes_of(made).keys():
        return
    known = {item["AttributeName"]: item for item in old["AttributeDefinitions"]}
    known |= {item["AttributeName"]: item for item in made["AttributeDefinitions"]}
    keys = [*made["KeySchema"], *(key for index in indexes.values() for key in index["KeySchema"])]
    used = sorted({key["AttributeName"] for key in keys})
    made["AttributeDefinitions"] = [known[name] for name in used]
    made["GlobalSecondaryIndexes"] = [indexes[name] for name in sorted(indexes)]
