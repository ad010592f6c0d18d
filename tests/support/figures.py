"""What was measured: the lines in CloudWatch's embedded metric format that stand on standard output."""

import json
from typing import Any


def written_figures(output: str) -> list[dict[str, Any]]:
    """Read every figure: its metric `name`, `unit`, `value`, `dimensions`, and the `facts` beside it."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith('{"_aws"')]
    return [_figure(line) for line in lines]


def values_of(output: str, name: str) -> list[float]:
    """Give the values of one metric, in their order."""
    return [figure["value"] for figure in written_figures(output) if figure["name"] == name]


def _figure(line: dict[str, Any]) -> dict[str, Any]:
    [told] = line["_aws"]["CloudWatchMetrics"]
    [metric] = told["Metrics"]
    [dimensions] = told["Dimensions"]
    [value] = line[metric["Name"]]
    known = {"_aws", metric["Name"], *dimensions}
    return {
        "namespace": told["Namespace"],
        "name": metric["Name"],
        "unit": metric["Unit"],
        "value": value,
        "dimensions": {name: line[name] for name in dimensions},
        "facts": {name: fact for name, fact in line.items() if name not in known},
    }
