"""The story: the nine steps of the notice in their order, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from rich.console import Console

from chalicelib.kernel.calendar import SHANGHAI
from infra.demo import afterwards, payment, persons, training, vouchers
from infra.demo.client import Service
from infra.demo.scene import Scene
from infra.demo.telling import Teller

Chapter = Callable[[Scene], None]

CHAPTERS: Final[tuple[tuple[str, Chapter], ...]] = (
    ("1 Exchange: the platform is there, the voucher is configured", vouchers.exchange),
    ("2 Catalogue: where a voucher may be spent", vouchers.catalogue),
    ("2 Accounts: a person's, and two people's word for who decides", persons.accounts),
    ("3 Issue: a list of graduates, checked row by row, approved by a second person", vouchers.issue),
    ("4 Claim: graduates accept their voucher in the card", vouchers.claim),
    ("5 Redeem: the institution scans their QR", vouchers.redeem),
    ("6 Open a class: applied for, returned, approved", training.open_class),
    ("7 Roster: every row has to match", training.roster),
    ("8 Attend: check-ins at the site, lessons filmed", training.attend),
    ("9 Complete: completion and marks", payment.complete),
    ("9 Claim the subsidy: two reviews, a budget", payment.claim_subsidy),
    ("9 Publicity: everybody may look and object", payment.publicise),
    ("9 Settle: the nightly run, the bank, the second try", payment.settle),
    ("A year later: what nobody used expires", afterwards.expire),
    ("Return: the national platform knows every change", afterwards.give_back),
    ("The end", afterwards.end),
)


def tell(stack: Mapping[str, Any], console: Console, *, chapters: int = len(CHAPTERS)) -> Scene:
    """Tell the story, or its first chapters, on a running stack; give the scene as it ends.

    Raises:
        UnexpectedAnswer: the service answered so that the story cannot go on.

    """
    teller = Teller(console, chapters=chapters)
    with Service(stack) as service, teller.telling():
        scene = Scene(service, teller, datetime.now(SHANGHAI).date())
        for title, chapter in CHAPTERS[:chapters]:
            with teller.chapter(title):
                chapter(scene)
    return scene
