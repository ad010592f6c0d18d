"""`make soak`: mixed traffic of all roles on the running local cloud, while workers are killed (MINUTES=60 CLIENTS=64).

Everybody works on the same few vouchers at once, over HTTP and from many threads: that is a race at each of them.
Whoever hears no answer, or one of a worker that died, sends the same again under its key. At the end the books and
the audit are looked through, each voucher's history is lawful and without a gap, and how much memory the server
and its workers took is told. Figures and what broke are printed; 1 if something did.
"""

import contextlib
import os
import random
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3

from infra.demo.client import Answer, Caller, Service
from infra.local.layout import SCRATCH, STACK_FILE
from infra.province.stack.town import PROJECT, Graduate, Town

MINUTES = float(os.environ.get("MINUTES") or 60)
CLIENTS = int(os.environ.get("CLIENTS") or 64)
PEOPLE = int(os.environ.get("PEOPLE") or 60)
KILL_SECONDS = float(os.environ.get("KILL_SECONDS") or 5)
SEED = int(os.environ.get("SOAK_SEED") or 1)
TRIES = 6
NIGHT_SECONDS = 20
MEASURED = 8
"""So often the memory is told."""
READS = (
    ("clerk", "/v1/vouchers?limit=20"),
    ("clerk", "/v1/classes?limit=20"),
    ("clerk", "/v1/waiting"),
    ("reviewer", "/v1/subsidy-claims"),
    ("finance", "/v1/settlement-batches"),
    ("finance", "/v1/ledger/trial-balance"),
    ("supervisor", "/v1/risk-cases"),
    ("supervisor", "/v1/reports/institutions?division=3401"),
    ("institution", "/v1/enrolments?limit=20"),
    ("province", "/v1/exchange/deliveries?limit=20"),
)
NIGHTLY = ("expire_vouchers", "settle_subsidies", "reconcile_exchange", "seal_audit", "verify_ledger")
LAWFUL = {
    None: {"issued"},
    "issued": {"claimed", "expired", "revoked"},
    "claimed": {"redeemed", "expired", "revoked"},
    "redeemed": {"claimed", "settled", "closed", "revoked"},
}


class Soak:
    """The traffic, and what is seen of it."""

    def __init__(self, service: Service, graduates: list[Graduate]) -> None:
        self.service, self.graduates = service, graduates
        self.until = time.monotonic() + MINUTES * 60
        self.told: Counter[str] = Counter()
        self.broken: list[str] = []
        self.kills = 0
        self.tokens: dict[str, tuple[str, float]] = {}
        self.lock = threading.Lock()
        self.locks: dict[str, threading.Lock] = {}

    @property
    def over(self) -> bool:
        return time.monotonic() > self.until

    # ------------------------------------------------------------------------- callers

    def staff(self, own: Service, role: str, division: str = "3401") -> Caller:
        """Speak as staff; a token is shared by all clients, as long as it is good."""
        fitting = [
            one["account"]
            for one in own.stack["accounts"]
            if one["role"] == role and one["division"].startswith(division)
        ]
        return self._with_token(own, fitting[0], lambda: own.staff(fitting[0]).sign_in())

    def holder(self, own: Service, graduate: Graduate) -> Caller:
        person = graduate.person
        card = own.trainee(name=person.name, id_number=person.id_number)
        return self._with_token(own, person.id_number, card.sign_in)

    def _with_token(self, own: Service, name: str, sign_in: Any) -> Caller:
        with self.lock:
            own_lock = self.locks.setdefault(name, threading.Lock())
        with (
            own_lock
        ):  # whose worker dies on a sign-in has spent a try: some dozens at once would rest the account
            token, until = self.tokens.get(name, ("", 0.0))
            if time.monotonic() > until:
                answer = self._patiently(sign_in)
                token = answer.wanted["access_token"]
                self.tokens[name] = (token, time.monotonic() + answer.wanted["expires_in"] / 2)
        return own.bearer(token)

    def _patiently(self, call: Any) -> Answer:
        """Call until somebody answers who did not die on it."""
        answer: Answer | None = None
        for attempt in range(TRIES):
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                answer = call()
                if answer.status < 500 and answer.code != "in_progress":
                    return answer
                if answer.code == "internal_error":
                    self._break(f"{answer.request}: internal_error {answer.raw[:200]!r}")
                self.told[f"again after {answer.status}"] += 1
            time.sleep(0.2 * 2**attempt)
        if answer is None:
            raise RuntimeError("nobody answers")
        return answer

    def send(self, caller: Caller, method: str, path: str, body: Any = None) -> Answer:
        key = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        answer = self._patiently(lambda: caller.send(method, path, body=body, headers=key))
        self.told[f"{answer.status // 100}xx"] += 1
        if answer.status >= 500 and answer.status not in (502, 503, 504):
            self._break(f"{answer.request}: {answer.status} {answer.raw[:200]!r}")
        return answer

    def _break(self, what: str) -> None:
        with self.lock:
            self.broken.append(what)

    # ------------------------------------------------------------------------- one client

    def client(self, number: int) -> None:
        chance = random.Random(f"{SEED}.{number}")
        with Service.at(STACK_FILE) as own:
            while not self.over:
                graduate = chance.choice(self.graduates)
                act = chance.choice(
                    (self.read, self.read, self.claim, self.redeem, self.redeem, self.release, self.wrong)
                )
                try:
                    act(own, graduate, chance)
                except Exception as failure:  # noqa: BLE001 - one client's trouble is told, the others go on
                    self.told["gave up"] += 1
                    if not isinstance(failure, urllib3.exceptions.HTTPError | RuntimeError):
                        self._break(f"{act.__name__}: {failure!r}"[:300])

    def read(self, own: Service, graduate: Graduate, chance: random.Random) -> None:
        role, path = chance.choice(READS)
        self.send(self.staff(own, role, "34" if role == "province" else "3401"), "GET", path)
        self.send(self.holder(own, graduate), "GET", f"/v1/vouchers/{graduate.voucher_id}")

    def claim(self, own: Service, graduate: Graduate, _: random.Random) -> None:
        answer = self.send(
            self.holder(own, graduate), "POST", f"/v1/vouchers/{graduate.voucher_id}/claim", {}
        )
        self.told[f"claim {answer.status}"] += 1

    def redeem(self, own: Service, graduate: Graduate, _: random.Random) -> None:
        code = self.send(self.holder(own, graduate), "GET", f"/v1/vouchers/{graduate.voucher_id}/qr")
        if not code.ok:
            return
        body = {
            "token": code.wanted["token"],
            "project_id": PROJECT,
            "nonce": uuid.uuid4().hex,
            "device_id": "counter",
            "happened_at": datetime.now(UTC).isoformat(),
        }
        answer = self.send(self.staff(own, "institution"), "POST", "/v1/enrolments", body)
        self.told[f"redeem {answer.status}"] += 1
        if answer.ok:
            graduate.enrolment_id = answer.wanted["id"]

    def release(self, own: Service, graduate: Graduate, _: random.Random) -> None:
        if graduate.enrolment_id:
            path = f"/v1/enrolments/{graduate.enrolment_id}/release"
            answer = self.send(self.staff(own, "clerk"), "POST", path, {"reason": "本人申请"})
            self.told[f"release {answer.status}"] += 1

    def wrong(self, own: Service, graduate: Graduate, chance: random.Random) -> None:
        """Ask for what is not there, is not allowed or makes no sense."""
        path = chance.choice(
            ("/v1/vouchers/vch_x", "/v1/nothing", f"/v1/vouchers/{graduate.voucher_id}/revoke")
        )
        answer = self.send(own.anyone(), chance.choice(("GET", "POST")), path, {"x": "\u0000"})
        if answer.status < 400:
            self._break(f"{answer.request}: {answer.status} for a stranger")

    # ------------------------------------------------------------------------- beside the clients

    def nights(self) -> None:
        with Service.at(STACK_FILE) as own:
            while not self.over:
                for function in NIGHTLY:
                    try:
                        own.invoke(function, {})
                        self.told["nightly runs"] += 1
                    except Exception:  # noqa: BLE001 - killed, the clock starts it again
                        self.told["nightly runs killed"] += 1
                time.sleep(NIGHT_SECONDS)

    def killer(self) -> None:
        chance = random.Random(SEED)
        while not self.over:
            time.sleep(chance.uniform(0.5, 1.5) * KILL_SECONDS)
            workers = workers_of_the_stack()
            if workers:
                with contextlib.suppress(OSError):
                    os.kill(chance.choice(workers), signal.SIGKILL)
                    self.kills += 1


# ----------------------------------------------------------------------------- processes


def workers_of_the_stack() -> list[int]:
    """Name the processes that run functions: a script inside this stack's own scratch folder."""
    return [
        pid
        for pid, arguments in _processes()
        if any(one.startswith(f"{SCRATCH}/ministack-lambda-") for one in arguments[1:])
    ]


def _processes() -> list[tuple[int, list[str]]]:
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(OSError):
                found.append(
                    (int(path.name), (path / "cmdline").read_bytes().decode(errors="replace").split("\0"))
                )
    return found


def _megabytes(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    return 0.0


def memory(server: int) -> tuple[float, float, int]:
    """Give the server's memory, the largest worker's (MB), and how many workers there are."""
    workers = workers_of_the_stack()
    return _megabytes(server), max((_megabytes(pid) for pid in workers), default=0.0), len(workers)


# ----------------------------------------------------------------------------- afterwards


def look_through(soak: Soak, service: Service) -> None:
    """Hold what is left against the invariants."""
    for function in ("reconcile_exchange", "seal_audit"):
        service.invoke(function, {})
    time.sleep(5)
    province = soak.staff(service, "province", "34")
    verified = soak.send(province, "POST", "/v1/audit/verify", {}).wanted
    if not verified["intact"]:
        soak.broken.append(f"the audit is not whole: {verified}")
    balance = soak.send(soak.staff(service, "finance"), "GET", "/v1/ledger/trial-balance").wanted
    if balance["debit_fen"] != balance["credit_fen"]:
        soak.broken.append(f"the books do not balance: {balance}")
    for graduate in soak.graduates:
        mine = soak.send(soak.holder(service, graduate), "GET", "/v1/vouchers").wanted["items"]
        if len(mine) != 1:
            soak.broken.append(f"{len(mine)} vouchers of one person")
        _history(soak, province, mine[0])


def _history(soak: Soak, province: Caller, voucher: Any) -> None:
    """Each change of a voucher stands in the audit once, in order, and follows from the one before."""
    records = province.every("/v1/audit", subject=voucher["id"])
    states: dict[int, str | None] = {}
    for record in records:
        after = record["after"] or {}
        version = int(after.get("version", 0)) or len(states) + 1
        if version in states:
            soak.broken.append(f"{voucher['id']}: version {version} is recorded twice")
        states[version] = after.get("status")
    if sorted(states) != list(range(1, int(voucher["version"]) + 1)):
        soak.broken.append(f"{voucher['id']}: versions {sorted(states)} are recorded of {voucher['version']}")
    standing: str | None = None
    for version in sorted(states):
        status = states[version] or standing
        if status != standing and status not in LAWFUL.get(standing, set()):
            soak.broken.append(f"{voucher['id']}: {standing} became {status}")
        standing = status


def main() -> int:
    """Run the command."""
    if not STACK_FILE.exists():
        sys.stdout.write("No stack runs here: `make up` first.\n")
        return 1
    from infra.local.cloud import CLOUD

    server = int(CLOUD._pid_file.read_text())
    with Service.at(STACK_FILE) as service:
        town = Town(service, seed=SEED)
        town.travel(datetime.now(UTC))
        graduates = town.graduates(PEOPLE)
        service.clock = None
        soak = Soak(service, graduates)
        for graduate in graduates:
            graduate.voucher_id = soak.send(soak.holder(service, graduate), "GET", "/v1/vouchers").wanted[
                "items"
            ][0]["id"]
        soak.until = time.monotonic() + MINUTES * 60
        jobs = [threading.Thread(target=soak.client, args=(number,)) for number in range(CLIENTS)]
        jobs += [threading.Thread(target=soak.nights), threading.Thread(target=soak.killer)]
        for job in jobs:
            job.start()
        told = []
        for _ in range(MEASURED):
            time.sleep(MINUTES * 60 / MEASURED)
            told.append(memory(server))
            requests = sum(soak.told[f"{kind}xx"] for kind in range(2, 6))
            sys.stdout.write(
                f"{requests} requests, {soak.kills} kills; server {told[-1][0]:.0f} MB, largest of {told[-1][2]} workers {told[-1][1]:.0f} MB\n"
            )
            sys.stdout.flush()
        for job in jobs:
            job.join()
        look_through(soak, service)
    sys.stdout.write(f"{dict(sorted(soak.told.items()))}\n")
    for what in soak.broken[:40]:
        sys.stdout.write(f"broken: {what}\n")
    sys.stdout.write(
        f"{MINUTES:g} minutes, {CLIENTS} clients, {soak.kills} kills, {len(soak.broken)} broken (SOAK_SEED={SEED})\n"
    )
    return 1 if soak.broken else 0


if __name__ == "__main__":
    sys.exit(main())
