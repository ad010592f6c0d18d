"""Rights on the local cloud: every call of a function is held against its role, as on AWS.

ministack does that in its `AUTH` mode: a function runs with its role's keys, and a call that no statement of
the role allows is AccessDenied. The key `test`, which everything outside the functions uses, is the account's
root and may do anything.

Where AUTH mode asks otherwise than AWS, `ask_as_aws_does` puts it right:

* Several messages sent at once are `sqs:SendMessage` on AWS; ministack asks for `sqs:SendMessageBatch`.
* The endpoint is plain HTTP, on loopback only. It counts as TLS, else the buckets' own policies, which refuse
  plain HTTP, would refuse everything.
* A call of KMS brings its encryption context, which our policies ask for; ministack does not look at it.

What AUTH mode does not ask at all, `tests/infra/deployment/test_grants.py` asserts of the policies
instead: KMS through another service, the lock and the legal hold that come with an object, and what Lambda
does with the role by itself (logs, taking messages, reading streams, dead letters). Nor does it answer 403
for an object that is not there to who may not list the bucket.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from infra.local.layout import FOLDER

CALLS_FILE: Final = FOLDER / "calls.jsonl"
"""One line for each thing asked: `{"caller": role and session, "action": …, "resource": …, "allowed": …}`."""


def ask_as_aws_does(cloud: Any, actions: Any, evaluator: Any) -> None:
    """Correct what ministack's modules ask for (`ministack.app` and two of `ministack.core`)."""
    pin, tags, enforce = cloud.pin_request_origin, actions.request_tag_context, evaluator.enforce

    def pin_as_tls(address: str, _: object) -> None:
        pin(address, secure_transport=True)

    def with_encryption_context(service: str, action: str, body: bytes, *rest: Any) -> dict[str, Any]:
        return {**tags(service, action, body, *rest), **_encryption_context(service, body)}

    def enforce_as_aws(key: str, action: str, service: str, *rest: Any, **named: Any) -> Any:
        asked = action.removesuffix("Batch") if service == "sqs" else action
        return enforce(key, asked, service, *rest, **named)

    cloud.pin_request_origin = pin_as_tls
    actions.request_tag_context = with_encryption_context
    evaluator.enforce = enforce_as_aws


def _encryption_context(service: str, body: bytes) -> Mapping[str, str]:
    if service != "kms":
        return {}
    found = json.loads(body or b"{}").get("EncryptionContext") or {}
    return {f"kms:EncryptionContext:{name}": value for name, value in found.items()}


def record_calls(evaluator: Any, path: Path = CALLS_FILE) -> None:
    """Write down what roles ask for, each thing once; the end-to-end tests compare it with the grants."""
    enforce: Callable[..., Any] = evaluator.enforce
    seen: set[str] = set()
    file = path.open("a", buffering=1)

    def recording(key: str, action: str, service: str, region: str, **named: Any) -> Any:
        refusal = enforce(key, action, service, region, **named)
        caller = (evaluator.resolve_caller_identity(key) or {}).get("userArn", "")
        if ":assumed-role/" in caller:
            told = {
                "caller": caller.partition(":assumed-role/")[2],
                "action": action,
                "resource": named.get("resource_arn", "*"),
                "allowed": refusal is None,
            }
            line = json.dumps(told)
            if line not in seen:
                seen.add(line)
                file.write(line + "\n")
        return refusal

    evaluator.enforce = recording
