"""What /docs shows of checking a webhook's signature, run as a reader would."""

import html
import re
from typing import Any


def webhook_example(page: str) -> dict[str, Any]:
    """Run the example that stands in a page; gives what it names: `verified`, its vector and `message`."""
    code = re.search(r'<pre class="wide"[^>]* id="webhook-example">(.*?)</pre>', page, re.DOTALL)
    assert code is not None
    known: dict[str, Any] = {}
    exec(compile(html.unescape(code[1]), "/docs", "exec"), known)
    return known
