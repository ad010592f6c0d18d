"""An account of one who decides: asked for, confirmed by a second person, activated by its person only."""

from __future__ import annotations

import uuid

from infra.demo.scene import CITY, Scene
from infra.local.people import PEOPLE_MAX, make_person


def accounts(scene: Scene) -> None:
    """Make a reviewer's account as two people; the clerk who has its code gets nowhere with it."""
    clerk, supervisor = scene.staff("clerk", CITY), scene.staff("supervisor", CITY)
    person, clerk_person = make_person(PEOPLE_MAX - 901), make_person(PEOPLE_MAX - 902)
    name = f"reviewer-{uuid.uuid4().hex[:8]}"
    wanted = {"account": name, "name": person.name, "id_number": person.id_number}
    asked = clerk.post("/v1/accounts", {**wanted, "role": "reviewer", "division": CITY}).wanted
    scene.check("a reviewer's account, asked for by a clerk", asked["status"], "proposed")
    path = f"/v1/accounts/{asked['id']}/confirm"
    version = {"version": asked["version"]}
    scene.refused("confirmed by who asked for it", clerk.post(path, version), 403, "forbidden")
    anyone = scene.service.anyone()
    body = {"account": name, "activation_code": asked["activation_code"], "password": uuid.uuid4().hex}

    def activated(who: str) -> int:
        card = scene.service.assertion(sub=who, name=person.name)
        return anyone.post("/v1/auth/activate", {**body, "assertion": card}).status

    scene.check("activated before a second person confirmed it", activated(person.id_number), 401)
    confirmed = supervisor.post(path, version).wanted
    scene.check("confirmed by the supervisor", confirmed["status"], "pending")
    scene.check("activated with the code and somebody else's card", activated(clerk_person.id_number), 401)
    scene.check("activated with the person's own card", activated(person.id_number), 200)
