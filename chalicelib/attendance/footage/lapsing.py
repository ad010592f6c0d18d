"""Footage that was announced and never came lapses: who looks at the lesson sees that nobody will send it.

The rule and its days are in `kernel.clocks`. Nothing is lost by it: the same recording announced anew is
awaited again. An example: announced on 1 September at 17:00, the upload broke off; from the next night on it
is `missing`, in the night after 8 September `lapsed`.
"""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.attendance.footage import store
from chalicelib.attendance.footage.model import SHOWN
from chalicelib.aws.writes import ConditionFailed
from chalicelib.kernel.principal import Context, change_of

REASON = "登记后逾期未上传，录像登记失效"


def lapse_footage(
    context: Context, queue: str, until: datetime, after: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Let the recordings of one page of a list lapse that were announced before a moment and never came.

    Gives where the next page begins. What came meanwhile is left alone by the condition of the write.
    """
    page = store.waiting_footage(queue, until=until, after=after)
    change = change_of(context, "footage.lapse", reason=REASON)
    for segment in store.find_segments([(key.key[0], key.key[1]) for key in page.keys]):
        if segment.status in SHOWN:
            continue
        with contextlib.suppress(ConditionFailed):
            store.lapse(segment, awaited_before=until, change=change)
    return page.after
