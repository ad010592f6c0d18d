"""The simulated national platform: an independent program that knows the published forms and its keys.

It takes the service's signed messages, opens and checks them, keeps what they say, answers each later with
its word, and tells its own figures. `POST /messages`, `GET /figures` and `GET /vouchers` are its face to the
service; `/control` is for people and tests: `GET /control/received`, `/control/state`, `/control/subjects`,
`PUT /control/mode`. What it took is kept in an append-only file, so it knows repeats after a restart too.

Nothing here is imported from the service's own program; a test holds that.
"""

from typing import Final

from infra.local.layout import PLATFORM_URL
from infra.local.process import Service

PLATFORM: Final = Service(module="infra.local.platform", alive_url=f"{PLATFORM_URL}/control/alive")
