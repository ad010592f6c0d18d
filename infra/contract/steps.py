"""`make contract STEPS=1`: the nine steps on a running stack, through clients generated of the document.

`nine_steps.py` uses what openapi-python-client made, `nine_steps.mts` openapi-fetch with the types of
openapi-typescript, by which the compiler checks it. Both are told who is there (accounts, holders with
assertions of their cards, a list, films) and know nothing else of this repository. PORT and LOCAL_FOLDER say
which stack.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import time
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey

from chalicelib.kernel.calendar import SHANGHAI
from infra.contract.tools import ROOM, python_client, types
from infra.demo.scene import CITY, PROJECT
from infra.local.catalogue import PROGRAM
from infra.local.films import film_of
from infra.local.people import Person, graduate_row, make_person

HERE: Final = Path(__file__).parent
_HOLDERS: Final = 10
_PEOPLE: Final = range(300_000, 430_000)
_LESSONS, _LESSON_SECONDS = 5, 8 * 3600
_ASSERTION_SECONDS: Final = 300
_HEADERS: Final = (
    "姓名",
    "身份证号",
    "毕业院校",
    "学历",
    "毕业日期",
    "离校日期",
    "就业状态",
    "手机号",
    "行政区划",
)


class StepsBroke(RuntimeError):
    """A generated client did not come through the nine steps."""


def walk(stack: dict[str, Any]) -> None:
    """Have the clients made, and tell the steps through each on a stack.

    Raises:
        StepsBroke: one of them stopped.
        NotUnderstood: a client could not be made.

    """
    room = ROOM / "steps"
    python_client(room)
    types(room)
    _told("openapi-python-client", [str(ROOM / "venv/bin/python"), str(HERE / "nine_steps.py")], room, stack)
    script = room / "nine_steps.mts"
    shutil.copy(HERE / "nine_steps.mts", script)
    compiler = [str(ROOM / "node_modules/.bin/tsc"), "--strict", "--target", "es2022", "--module", "nodenext"]
    done = subprocess.run(
        [*compiler, "--skipLibCheck", str(script)],
        cwd=room,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StepsBroke(f"tsc:\n{done.stdout[-3000:]}")
    _told("openapi-fetch", ["node", str(script.with_suffix(".mjs"))], room, stack)


def _told(tool: str, command: list[str], room: Path, stack: dict[str, Any]) -> None:
    cast = json.dumps(_cast(stack, room), ensure_ascii=False)
    done = subprocess.run(
        command,
        cwd=room,
        env={"PYTHONPATH": str(room), "PATH": "/usr/bin:/bin:/usr/local/bin"},
        input=cast,
        capture_output=True,
        text=True,
        check=False,
    )
    print(f"{tool}:\n{done.stdout}", end="")
    if done.returncode:
        raise StepsBroke(f"{tool}:\n{done.stderr[-3000:]}")


def _cast(stack: dict[str, Any], room: Path) -> dict[str, Any]:
    """Choose people of whom nobody has a voucher, and say who else is there."""
    first = _PEOPLE.start + secrets.randbelow(len(_PEOPLE) - _HOLDERS)
    now = datetime.now(SHANGHAI).replace(hour=9, minute=0, second=0, microsecond=0)
    people = [make_person(first + place, today=now.date()) for place in range(_HOLDERS)]
    films = [room / f"lesson-{number}.mp4" for number in range(1, _LESSONS + 1)]
    for film in films:
        film.write_bytes(film_of(_LESSON_SECONDS, uuid.uuid4().hex))
    accounts: dict[str, Any] = {}
    for account in stack["accounts"]:
        if account["division"].startswith(CITY) or account["role"] == "province":
            proof = {name: account[name] for name in ("account", "password")}
            accounts.setdefault(account["role"], []).append(proof)
            if account["role"] == "institution":
                accounts.setdefault("institution_of", account["institution"])
    trainer = make_person(first + _HOLDERS)
    rows = [_HEADERS, *(_row(person) for person in people)]
    return {
        "api_url": stack["api_url"],
        "accounts": accounts,
        "city": CITY,
        "program": PROGRAM["name"],
        "project": PROJECT,
        "now": (now + timedelta(days=secrets.randbelow(20))).isoformat(),
        "room": f"{first}号教室",
        "holders": [
            {"name": person.name, "id_number": person.id_number, "assertion": _assertion(stack, person)}
            for person in people
        ],
        "trainer": {"name": trainer.name, "id_number": trainer.id_number, "qualification": "高级讲师"},
        "list": "\n".join(",".join(row) for row in rows),
        "films": [str(film) for film in films],
    }


def _row(person: Person) -> list[str]:
    return [str(cell) for cell in graduate_row(person)]


def _assertion(stack: dict[str, Any], person: Person) -> str:
    issuer, now = stack["card_issuer"], int(time.time())
    claims = {
        "iss": issuer["issuer"],
        "aud": issuer["audience"],
        "iat": now,
        "exp": now + _ASSERTION_SECONDS,
        "jti": uuid.uuid4().hex,
        "sub": person.id_number,
        "name": person.name,
    }
    header = {"alg": issuer["alg"], "kid": issuer["kid"]}
    return jwt.encode(header, claims, ECKey.import_key(issuer["private_key_pem"]))
