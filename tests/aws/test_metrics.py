"""Figures are lines in CloudWatch's embedded metric format, of the metrics in the one table and no others."""

from typing import Any

import pytest
from aws_lambda_powertools.metrics import MetricUnit

from chalicelib.aws import metrics
from chalicelib.aws.logs import measure
from chalicelib.aws.table import connection
from tests.support.figures import values_of, written_figures


def test_a_figure_is_of_the_stage_and_says_its_unit(capsys: pytest.CaptureFixture[str]) -> None:
    measure(metrics.LEDGER_DIFFERENCES, 3, division="3401")
    assert written_figures(capsys.readouterr().out) == [
        {
            "namespace": "TrainingVouchers",
            "name": "LedgerDifferences",
            "unit": "Count",
            "value": 3,
            "dimensions": {"Stage": "test"},
            "facts": {"division": "3401"},
        }
    ]


def test_a_heartbeat_is_of_its_job(capsys: pytest.CaptureFixture[str]) -> None:
    measure(metrics.JOB_DONE, job="verify_ledger")
    [figure] = written_figures(capsys.readouterr().out)
    assert figure["dimensions"] == {"Stage": "test", "Job": "verify_ledger"}
    for metric, job in ((metrics.JOB_DONE, None), (metrics.SIGN_INS_FAILED, "verify_ledger")):
        with pytest.raises(ValueError, match=metric.name):
            measure(metric, job=job)


def test_the_table_has_every_metric_once_in_a_unit_of_cloudwatch() -> None:
    declared = [one for one in vars(metrics).values() if isinstance(one, metrics.Metric)]
    assert sorted(declared) == sorted(metrics.METRICS)
    assert len({metric.name for metric in declared}) == len(declared)
    assert {metric.unit for metric in declared} <= {unit.value for unit in MetricUnit}


def answered(status: int, code: str, reasons: tuple[str, ...] = ()) -> Any:
    """Have the connection hear an answer of DynamoDB, as botocore tells its listeners of each try."""
    connection().client.meta.events.emit(
        "response-received.dynamodb.TransactWriteItems",
        response_dict={},
        parsed_response={
            "Error": {"Code": code},
            "CancellationReasons": [{"Code": reason} for reason in reasons],
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        context={},
        exception=None,
    )


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ((400, "ProvisionedThroughputExceededException"), "StoreThrottled"),
        ((400, "ThrottlingException"), "StoreThrottled"),
        ((400, "RequestLimitExceeded"), "StoreThrottled"),
        ((400, "TransactionCanceledException", ("None", "ThrottlingError")), "StoreThrottled"),
        ((500, "InternalServerError"), "StoreFaults"),
        ((400, "ConditionalCheckFailedException"), None),
        ((400, "TransactionCanceledException", ("TransactionConflict",)), None),
        ((200, ""), None),
    ],
)
def test_what_dynamodb_throttles_or_fails_is_counted(
    cloud: Any, capsys: pytest.CaptureFixture[str], answer: Any, name: str | None
) -> None:
    answered(*answer)
    assert [one["name"] for one in written_figures(capsys.readouterr().out)] == ([name] if name else [])


def test_a_try_without_an_answer_is_counted(cloud: Any, capsys: pytest.CaptureFixture[str]) -> None:
    connection().client.meta.events.emit(
        "response-received.dynamodb.GetItem",
        response_dict=None,
        parsed_response=None,
        context={},
        exception=ConnectionError(),
    )
    assert values_of(capsys.readouterr().out, "StoreFaults") == [1]
