"""axe-core in a window: what of a page people with a screen reader, a keyboard or weak eyes cannot use."""

import functools
import importlib.util
from pathlib import Path
from typing import Any

from tests.support.browser import Browser

_RUN = """
const [rules, done] = arguments;
const only = rules.length ? { runOnly: { type: "rule", values: rules } } : {};
axe.run(document, { resultTypes: ["violations"], preload: false, ...only }).then((told) => done(told.violations.map((one) => [
  one.impact, one.id, one.nodes.slice(0, 3).map((node) => `${node.target} ${(node.any[0] || node.all[0] || node.none[0] || {}).message || ""}`),
]))).catch((error) => done([["critical", String(error), []]]));
"""
_THIN = """
for (const many of document.querySelectorAll("tbody, main")) {
  for (const one of [...many.querySelectorAll(":scope > tr, :scope > details")].slice(4)) one.remove();
}
"""
"""Of hundreds of one shape the first few stand for all: endpoints, reason codes, people."""


@functools.cache
def _script() -> str:
    """Read the script out of the package that carries it: nothing of that package runs."""
    found = importlib.util.find_spec("axe_playwright_python")
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0], "axe.min.js").read_text()


def violations(window: Browser) -> list[Any]:
    """Give what the page in this window violates, light or dark: how badly, which rule, where."""
    window.run(_THIN + _script())
    told: list[Any] = window.run_until_told(_RUN, [])
    window.colours(dark=True)
    told += window.run_until_told(_RUN, ["color-contrast"])
    window.colours(dark=False)
    return told
