"""`make province`: load a running local stack with a small lively province (`SMALL=1`: fewer classes)."""

import os
import sys
import time
from collections import Counter
from functools import partial

from rich.console import Console

from infra.demo.client import Service, UnexpectedAnswer
from infra.local.layout import STACK_FILE
from infra.province.stack.agenda import Agenda
from infra.province.stack.life import CLASS_SIZE, Life
from infra.province.stack.plans import PLANS, ClassPlan, Stage
from infra.province.stack.settling import appropriate, confirm_payees, pay
from infra.province.stack.town import BEGINS_DAYS_AGO, Town

_UNSPENT = 12


def load(town: Town, plans: list[ClassPlan]) -> Counter[str]:
    """Tell the service all that happened up to today; answers how many classes are in which state."""
    town.travel(town.at(-BEGINS_DAYS_AGO, 9))
    with_people = [plan for plan in plans if plan.stage >= Stage.APPROVED]
    people = town.graduates(CLASS_SIZE * len(with_people) + _UNSPENT)
    confirm_payees(town)
    agenda = Agenda(town.now, town.travel)
    lives = []
    for number, plan in enumerate(plans):
        own, people = (people[:CLASS_SIZE], people[CLASS_SIZE:]) if plan in with_people else ([], people)
        lives.append(Life(town, agenda, plan, number=number, graduates=own))
    appropriate(town, agenda)
    for life in lives:
        if life.plan.stage is Stage.PAID:
            agenda.at(life.publicity_is_over(), partial(pay, town, life))
    agenda.run()
    town.travel(town.now)
    return Counter(str(life.school.get(life.path).wanted["status"]) for life in lives)


def main() -> int:
    """Run the command."""
    console = Console()
    if not STACK_FILE.exists():
        console.print("No stack runs here: `make up` first.")
        return 1
    began = time.monotonic()
    is_small = os.environ.get("SMALL") == "1"
    plans = [plan for plan in PLANS if plan.is_small_too or not is_small]
    try:
        with Service.at(STACK_FILE) as service:
            states = load(Town(service), plans)
    except UnexpectedAnswer as reason:
        console.print(f"[bold red]✗ The province stops here.[/] {reason}", highlight=False)
        return 1
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    console.print(f"✓ {len(plans)} classes ({told}) in {time.monotonic() - began:.0f} s", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
