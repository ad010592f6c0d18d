"""moto, made to do the same with less work.

The replacement is for the pinned version; `tests/support/test_moto_speed.py` holds it to what it replaces.
"""

import functools
from typing import Any

VERSION = "5.2.5"


def make_moto_fast() -> None:
    """Replace a function of moto for the rest of the process; nothing happens the second time."""
    import moto
    from moto.sqs import models as sqs

    assert moto.__version__ == VERSION, "read what has changed in moto.sqs, then raise VERSION"
    _keep_messages_by_their_own_age(sqs.SQSBackend)


def name_clients_once() -> None:
    """Let a client of botocore keep how it introduces itself: it words that anew for every request."""
    from botocore.useragent import UserAgentString

    if not hasattr(UserAgentString.to_string, "cache_clear"):
        UserAgentString.to_string = functools.cache(UserAgentString.to_string)


def _keep_messages_by_their_own_age(backend: Any) -> None:
    """Ask a queue how long it keeps messages: moto counts every message of it to tell, for each one taken."""

    def is_message_valid(self: Any, queue_name: str, message: Any) -> bool:
        kept_seconds: int = self.get_queue(queue_name).message_retention_period
        return bool(kept_seconds + message.sent_timestamp / 1000 > unix_time())

    from moto.core.utils import unix_time

    backend.is_message_valid_based_on_retention_period = is_message_valid
