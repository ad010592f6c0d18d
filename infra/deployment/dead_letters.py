"""List and redrive what was tried as often as it may be, with the operator's own credentials.

    python -m infra.deployment.dead_letters list --stage prod
    python -m infra.deployment.dead_letters redrive --stage prod --function record_audit

A worker's letter goes back to its queue. A job's or an upload's is handed to its function again, in the
background: if it fails there, it comes back by itself. A change that a stream consumer parked is handed to
the consumer alone, and deleted only when the consumer took it. What Lambda itself gave up of a stream names a
batch and holds no change: such a letter is left, and the run book says what to do (`stream-behind`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import boto3

from infra.deployment.functions import FUNCTIONS, Function
from infra.deployment.storage import has_dead_letters, prefix
from infra.deployment.template import function_output

_COUNT: Final = "ApproximateNumberOfMessages"
_HIDDEN_SECONDS: Final = 120
"""A letter that is left stays unseen so long, so that one run looks at each once."""


@dataclass
class Redriven:
    """What became of a function's letters."""

    moved: int = 0
    left: int = 0


class DeadLetters:
    """The dead letters of one stage."""

    def __init__(self, session: boto3.Session, stage: str) -> None:
        self._sqs = session.client("sqs")
        self._functions = session.client("lambda")
        self._objects = session.client("s3")
        self._formation = session.client("cloudformation")
        self._stage = stage

    def waiting(self) -> Iterator[tuple[str, int]]:
        """Give each function that has dead letters, and about how many wait."""
        for function in FUNCTIONS:
            if has_dead_letters(function):
                url = self._url(f"{function.name}-dead")
                told = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[_COUNT])
                yield function.name, int(told["Attributes"][_COUNT])

    def redrive(self, function: Function) -> Redriven:
        """Do again what stands in a function's dead letters now; what cannot be done stays there."""
        url, done = self._url(f"{function.name}-dead"), Redriven()
        while letters := self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=_HIDDEN_SECONDS
        ).get("Messages", []):
            for letter in letters:
                if self._again(function, letter["Body"]):
                    self._sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
                    done.moved += 1
                else:
                    done.left += 1
        return done

    def _again(self, function: Function, body: str) -> bool:
        if function.queue:
            self._sqs.send_message(QueueUrl=self._url(function.queue.name), MessageBody=body)
            return True
        if not function.streams:
            self._functions.invoke(
                FunctionName=self._name(function), InvocationType="Event", Payload=body.encode()
            )
            return True
        letter: dict[str, Any] = json.loads(body)
        if letter.get("cut") and "object" in letter:
            letter = self._parked(letter["object"])
        if "record" not in letter or letter.get("cut"):
            return False
        event = json.dumps({"Records": [letter["record"]]}).encode()
        answer = self._functions.invoke(FunctionName=self._name(function), Payload=event)
        return "FunctionError" not in answer

    def parked(self) -> Iterator[str]:
        """Name every record that a consumer parked: they are kept for good, also once the letter is gone."""
        pages = self._objects.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._output("EvidenceBucketName"), Prefix="parked/"):
            yield from (item["Key"] for item in page.get("Contents", []))

    def _parked(self, name: str) -> dict[str, Any]:
        answer = self._objects.get_object(Bucket=self._output("EvidenceBucketName"), Key=name)
        whole: dict[str, Any] = json.loads(answer["Body"].read())
        return whole

    def _url(self, name: str) -> str:
        return str(self._sqs.get_queue_url(QueueName=f"{prefix(self._stage)}-{name}")["QueueUrl"])

    def _name(self, function: Function) -> str:
        return self._output(function_output(function))

    def _output(self, name: str) -> str:
        [stack] = self._formation.describe_stacks(StackName=prefix(self._stage))["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        return str(outputs[name])


def main() -> None:
    """List or redrive the dead letters of a stage."""
    parser = argparse.ArgumentParser(description="List and redrive dead letters.")
    parser.add_argument("what", choices=["list", "redrive"])
    parser.add_argument("--stage", required=True)
    parser.add_argument("--function", help="whose letters to redrive")
    options = parser.parse_args()
    letters = DeadLetters(boto3.Session(), options.stage)
    if options.what == "list":
        for name, count in letters.waiting():
            print(f"{name:24} {count:6}")
        for place in letters.parked():
            print(place)
        return
    known = {function.name: function for function in FUNCTIONS if has_dead_letters(function)}
    if options.function not in known:
        raise SystemExit(f"--function: one of {', '.join(sorted(known))}")
    done = letters.redrive(known[options.function])
    print(f"{options.function}: {done.moved} sent again, {done.left} left")


if __name__ == "__main__":
    main()
