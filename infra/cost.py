"""`make cost`: what a province pays a month, and how far it is from the quotas of its account.

    .venv/bin/python -m infra.cost                # an average month of a year of 300,000 vouchers
    .venv/bin/python -m infra.cost --busiest      # the month in which all are issued, and most attend
    .venv/bin/python -m infra.cost --region cn-north-1 --prices my.json

What an operation uses is measured (`infra/measured.json`, held against `make bench`). What a unit costs
stands with its source in `infra/prices.json`; a price that no source told is not known, stays out of the sum
and is named below it. What a province does is `Province` below, and what is assumed and not measured stands
in `Assumed`, one by one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from chalicelib.aws.metrics import METRICS
from infra.deployment.functions import FUNCTIONS, QUEUES, SECRETS
from infra.deployment.watching import alarm_resources

PRICES: Final = Path(__file__).parent / "prices.json"
MEASURED: Final = Path(__file__).parent / "measured.json"
_MILLION: Final = 1_000_000
_MONTHS: Final = 12
_HOUR_SECONDS: Final = 3600
_JOBS: Final = [function.name for function in FUNCTIONS if function.schedule]
"""Each beats with a figure of its own."""


@dataclass(frozen=True, kw_only=True)
class Province:
    """What happens in one month, and what is kept. The default is a twelfth of a year of a large province."""

    vouchers: float = 300_000 / _MONTHS
    redeemed: float = 200_000 / _MONTHS
    check_ins: float = 20_000_000 / _MONTHS
    lines: float = 180_000 / _MONTHS
    classes: float = 6_000 / _MONTHS
    recordings: float = 120_000 / _MONTHS
    page_views: float = 6_000_000 / _MONTHS
    """What staff and holders look at besides."""
    footage_new_tb: float = 3.0
    """Taken in each month: 10,000 recordings of 300 MB."""
    footage_online_tb: float = 9.0
    """Of the last 90 days, in standard storage."""
    footage_archived_tb: float = 100.0
    footage_watched_tb: float = 0.3
    rows_gb: float = 120.0
    """Tables with their indexes, after three years."""


BUSIEST: Final = replace(
    Province(), vouchers=300_000, redeemed=120_000, check_ins=6_000_000, page_views=3_000_000, lines=60_000
)
"""All vouchers of a year are issued in one month, and nearly a third of all check-ins fall into one."""


@dataclass(frozen=True, kw_only=True)
class Assumed:
    """What is estimated. A figure that turns out otherwise is corrected here."""

    audit_units: float = 5.0
    """Write units of a change in its audit chain: the record in a transaction, index, part of a head."""
    told_units: float = 13.0
    """Write units of a change told to the platform: recorded and accepted, each in a transaction with the
    message beside it, and two indexes (`tests/costs/test_exchange_costs.py`)."""
    changes_of_a_voucher: float = 5.0
    api_ms: float = 12.0
    """Own time of a request on 1,024 MB (6.7 ms of a core, measured)."""
    call_ms: float = 6.0
    """What a call of DynamoDB takes."""
    job_ms_a_change: float = 25.0
    """A consumer's time for one change, in batches of 100."""
    log_bytes: float = 1_200.0
    """Logged of a request or an invocation."""
    kms_requests_share: float = 0.01
    """Data keys are kept for minutes: of a hundred requests one asks."""
    peak_share: float = 0.02
    """Of a month's requests in its busiest hour."""
    peak_factor: float = 4.0
    """The busiest second of an hour against its average."""


ASSUMED: Final = Assumed()
Measured = Mapping[str, Mapping[str, float]]
Prices = Mapping[str, Mapping[str, object]]


def operations(province: Province) -> dict[str, float]:
    """Tell how often each measured operation happens in the month."""
    return {
        "issue one of 1,000": province.vouchers,
        "claim": province.vouchers * 0.8,
        "show QR": province.redeemed * 2,
        "redeem after a preview": province.redeemed,
        "verify a scan (preview)": province.redeemed,
        "expire one of 1,000": province.vouchers - province.redeemed
        if province.vouchers > province.redeemed
        else 0,
        "check in": province.check_ins / 2,
        "check out": province.check_ins / 2,
        "approve a class": province.classes,
        "file an application": province.classes,
        "roster of 10, a trainee": province.redeemed,
        "marks of 10, a trainee": province.redeemed,
        "settle one of 1,000 lines": province.lines,
        "announce a recording": province.recordings,
        "register a recording": province.recordings,
        "attendance of a class": province.page_views,
    }


_NOT_HTTP: Final = frozenset(
    {"issue one of 1,000", "expire one of 1,000", "settle one of 1,000 lines", "register a recording"}
)
"""Done by jobs and workers."""


def usage(province: Province, measured: Measured, assumed: Assumed = ASSUMED) -> dict[str, float]:
    """Give the month's use of everything that has a price, by the price's name."""
    counts = operations(province)
    missing = counts.keys() - measured.keys()
    if missing:
        raise KeyError(f"not measured: {', '.join(sorted(missing))}")
    writes = sum(
        count * (measured[name]["units"] + measured[name]["index"]) for name, count in counts.items()
    )
    reads = sum(count * measured[name]["reads"] for name, count in counts.items())
    changes = province.vouchers * assumed.changes_of_a_voucher
    audited = changes + province.redeemed + province.lines + province.recordings + province.classes * 10
    writes += audited * assumed.audit_units + changes * assumed.told_units
    requests = sum(count for name, count in counts.items() if name not in _NOT_HTTP)
    seconds = sum(
        count * (assumed.api_ms + assumed.call_ms * measured[name]["calls"]) / 1000
        for name, count in counts.items()
    )
    jobs = audited * 2 * assumed.job_ms_a_change / 1000 / 100
    queued = sum(counts[name] for name in ("issue one of 1,000", "expire one of 1,000")) / 100
    return {
        "dynamodb write units, million": writes / _MILLION,
        "dynamodb read units, million": reads / _MILLION,
        "dynamodb storage, GB-month": province.rows_gb,
        "dynamodb recovery, GB-month": province.rows_gb,
        "api requests, million": requests / _MILLION,
        "lambda requests, million": (requests + audited * 2 / 100 + queued) / _MILLION,
        "lambda GB-seconds, million": (seconds + jobs) / _MILLION,
        "sqs requests, million": (queued * 3 + len(QUEUES) * 30 * 24 * 180 * 5) / _MILLION,
        "s3 standard, GB-month": province.footage_online_tb * 1024,
        "s3 glacier instant, GB-month": province.footage_archived_tb * 1024,
        "s3 writes, million": province.recordings * 20 / _MILLION,
        "s3 reads, million": province.recordings * 5 / _MILLION,
        "s3 moves to glacier, million": province.recordings / _MILLION,
        "kms requests, million": (requests * assumed.kms_requests_share) / _MILLION,
        "kms keys, month": 1,
        "secrets, month": len(SECRETS),
        "logs taken in, GB": (requests + audited / 50) * assumed.log_bytes / 1024**3,
        "alarms, month": len(alarm_resources("prod")),
        "figures of the service, month": sum(len(_JOBS) if one.by_job else 1 for one in METRICS),
        "traffic out, GB": province.footage_watched_tb * 1024 + requests * 2_000 / 1024**3,
    }


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What each use costs, and what is used without anybody knowing its price."""

    costs: Mapping[str, float]
    not_known: tuple[str, ...]

    @property
    def total(self) -> float:
        """Sum what is known."""
        return sum(self.costs.values())


def bill(used: Mapping[str, float], prices: Prices) -> Bill:
    """Price each use."""
    known = {name: prices[name]["price"] for name in used if prices.get(name, {}).get("price") is not None}
    return Bill(
        costs={name: used[name] * float(str(price)) for name, price in known.items()},
        not_known=tuple(sorted(used.keys() - known.keys())),
    )


@dataclass(frozen=True, kw_only=True)
class Headroom:
    """A quota, what the busiest moment takes of it, and its source."""

    quota: str
    value: float
    peak: float
    source: str

    @property
    def share(self) -> float:
        """Give how much of the quota is taken."""
        return self.peak / self.value


_DOCS: Final = "https://docs.aws.amazon.com/"
CONCURRENCY: Final = 1_000
STREAM_READERS: Final = 42
"""Runs at once that read streams: a consumer and table each, with the lanes of the one that has several."""
TABLE_UNITS: Final = 40_000
API_RPS: Final = 10_000
STAGE_RPS: Final = 1_000
IN_FLIGHT: Final = 120_000
KMS_RPS: Final = 10_000


def headroom(province: Province, measured: Measured, assumed: Assumed = ASSUMED) -> list[Headroom]:
    """Hold the busiest second of the month's busiest hour against the default quotas of an account."""
    used = usage(province, measured, assumed)
    share = assumed.peak_share * assumed.peak_factor / _HOUR_SECONDS
    requests = used["api requests, million"] * _MILLION * share
    check_ins = province.check_ins * share
    longest = assumed.api_ms + assumed.call_ms * max(
        measured[name]["calls"] for name in ("check in", "claim")
    )
    workers = sum(queue.maximum_concurrency for queue in QUEUES)
    units = check_ins * (measured["check in"]["units"] + measured["check in"]["index"])
    return [
        Headroom(
            quota="concurrent functions",
            value=CONCURRENCY,
            peak=requests * longest / 1000 + workers + STREAM_READERS,
            source=_DOCS + "lambda/latest/dg/gettingstarted-limits.html",
        ),
        Headroom(
            quota="write units a second of the busiest table",
            value=TABLE_UNITS,
            peak=units,
            source=_DOCS + "amazondynamodb/latest/developerguide/ServiceQuotas.html",
        ),
        Headroom(
            quota="API requests a second of the account",
            value=API_RPS,
            peak=requests,
            source=_DOCS + "apigateway/latest/developerguide/limits.html",
        ),
        Headroom(
            quota="API requests a second of our own stage",
            value=STAGE_RPS,
            peak=requests,
            source="infra/deployment/template.py, ThrottlingRateLimit",
        ),
        Headroom(
            quota="messages in flight of a queue",
            value=IN_FLIGHT,
            peak=max(queue.maximum_concurrency * queue.batch_size for queue in QUEUES),
            source=_DOCS + "AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html",
        ),
        Headroom(
            quota="KMS requests a second",
            value=KMS_RPS,
            peak=requests * assumed.kms_requests_share,
            source=_DOCS + "kms/latest/developerguide/requests-per-second.html",
        ),
    ]


def read_measured() -> Measured:
    """Read what `make bench` measured."""
    measured: Measured = json.loads(MEASURED.read_text())
    return measured


def show(province: Province, file: Path, region: str) -> str:
    """Write the bill and the headroom as a table.

    Raises:
        KeyError: the file has no prices of that region.

    """
    book = json.loads(file.read_text())["regions"][region]
    prices = book["prices"]
    measured = read_measured()
    used = usage(province, measured)
    told = bill(used, prices)
    lines = [
        f"A month of a province, {region}, {book['currency']}: list prices as their sources told them",
        "",
    ]
    for name, cost in sorted(told.costs.items(), key=lambda line: -line[1]):
        lines.append(
            f"{name:34}{used[name]:>14,.3f}{cost:>12,.2f}  {prices[name]['kind']}, {prices[name]['date']}"
        )
    lines += ["", f"{'in all, of what is known':34}{'':14}{told.total:>12,.2f}"]
    if province.vouchers:
        lines.append(f"{'a voucher issued':34}{'':14}{told.total / province.vouchers:>12,.4f}")
    lines += [f"{name:34}{used[name]:>14,.3f}{'not known':>12}" for name in told.not_known]
    if told.not_known:
        lines.append(f"{len(told.not_known)} of {len(used)} prices are not known and not in the sum.")
    lines += ["", f"{'quota':44}{'value':>10}{'peak':>12}{'taken':>8}"]
    lines += [
        f"{row.quota:44}{row.value:>10,.0f}{row.peak:>12,.1f}{row.share:>8.1%}"
        for row in headroom(province, measured)
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the month."""
    parser = argparse.ArgumentParser(description="What a province pays a month.")
    parser.add_argument("--busiest", action="store_true", help="the month in which all vouchers are issued")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--prices", type=Path, default=PRICES, help="in the form of infra/prices.json")
    options = parser.parse_args()
    print(show(BUSIEST if options.busiest else Province(), options.prices, options.region))


if __name__ == "__main__":
    main()
