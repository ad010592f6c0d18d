"""Budgets, vouchers, enrolments and institutions in a life."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    rule,
)

from tests.stateful.life import invariants
from tests.stateful.life.driver import DAY, PLAIN
from tests.stateful.life.lives import CHAOS, OLD, PERSON, SCHOOLS, Steps
from tests.stateful.life.model import Voucher, day_of


class Vouchers(Steps):
    """Issue, claim, redeem, release, revoke, restore, suspend."""

    # ------------------------------------------------------------------------- vouchers

    @rule(lines=st.integers(0, 6))
    def appropriate(self, lines: int) -> None:
        """The budget of the year becomes this many lines, if that is not less than is spoken for."""
        self.later()
        path, fen = f"/v1/budgets/3401/{day_of(self.now).year}", lines * 180_000
        program = self.service.world.program_id
        body: dict[str, Any] = {"program_id": program, "appropriated_fen": fen}
        if self.life.appropriated_fen:
            body["version"] = self.service.read("finance", path, {"program_id": program})["version"]
        spoken_for = self.life.appropriated_fen - self.life.free_fen
        first = not self.life.appropriated_fen and None
        answer = self.service.send(PLAIN, "finance", path, body, method="PUT")
        if self.expect(first if first is None else fen >= spoken_for, answer):
            self.life.appropriated_fen = fen
        self.check()

    def issue_old(self) -> None:
        person = self.service.world.person(OLD + 1)
        issued = self.now - 345 * DAY
        self.ids["voucher", OLD] = self.service.world.voucher(person, claimed=False, issued_at=issued)
        self.life.vouchers[OLD] = Voucher(
            "issued", invariants.stored_voucher(self.ids["voucher", OLD]).expires_at
        )

    @rule(
        people=st.sets(PERSON, min_size=1),
        who=st.sampled_from(("province_two", "province_two", "province", "clerk")),
    )
    def issue(self, people: set[int], who: str) -> None:
        """A list is proposed by one of the province, approved by another, and issued: whoever has a voucher keeps it."""
        from chalicelib.accounts.persons.service import person_key_of
        from chalicelib.vouchers.model import voucher_id_of
        from tests.vouchers import lists

        self.later()
        world = self.service.world
        world.now = self.now
        number = self.ids["lists"] = str(int(self.ids.get("lists", "0")) + 1)
        graduates = [
            lists.graduate_of(world.person(person + 1), row, division="340111")
            for row, person in enumerate(sorted(people), 2)
        ]
        self._known_by_name(sorted(people))
        record = lists.ready_list(world, [graduates], import_id=f"imp_life{number}")
        somebody_new = not people <= self.life.vouchers.keys()
        answer = lists.proposed(world, record)
        if not self.expect(somebody_new, answer):
            self.check()
            return
        batch = answer.json
        if self.expect(who == "province_two", lists.approve(world, batch, who=who)):
            self.service.work()
            for person in sorted(people - self.life.vouchers.keys()):
                key = person_key_of(world.person(person + 1).id_number)
                self.ids["voucher", person] = voucher_id_of(key, world.program_id)
                stored = invariants.stored_voucher(self.ids["voucher", person])
                assert stored.valid_through == day_of(self.now).replace(year=self.now.year + 1)
                self.life.vouchers[person] = Voucher("issued", stored.expires_at)
        self.check()

    def _known_by_name(self, people: list[int]) -> None:
        """Keep their names as reading the list would have."""
        from chalicelib.accounts.persons.service import person_key_of
        from chalicelib.people.lists.graduates.service import person_of
        from chalicelib.people.vault import store as vault
        from tests.vouchers.lists import graduate_of

        found = [self.service.world.person(person + 1) for person in people]
        vault.save_people(
            [person_of(graduate_of(one, 2), "imp_world", person_key_of(one.id_number)) for one in found]
        )

    @rule(chaos=CHAOS, person=PERSON)
    def claim(self, chaos: Any, person: int) -> None:
        person = self.someone(person, "issued")
        if person not in self.life.vouchers:
            return
        self.later()
        allowed = self.life.may_claim(person, self.now)
        holder = self.service.world.person(person + 1)
        answer = self.service.send(chaos, holder, f"/v1/vouchers/{self.ids['voucher', person]}/claim", {})
        if self.expect(allowed, answer) and self.life.vouchers[person].status == "issued":
            self.life.vouchers[person].become("claimed")
        self.check()

    @rule(chaos=CHAOS, person=PERSON, school=st.sampled_from(tuple(SCHOOLS)))
    def redeem(self, chaos: Any, person: int, school: str) -> None:
        person = self.someone(person, "claimed")
        voucher = self.life.vouchers.get(person)
        if voucher is None:
            return
        self.later()
        allowed = self.life.may_redeem(person, school, self.now)
        holder, path = self.service.world.person(person + 1), f"/v1/vouchers/{self.ids['voucher', person]}/qr"
        code = self.service.world.api(holder).get(path, at=self.now)
        if code.status != 200:
            assert voucher.status != "claimed" or voucher.expires_at <= self.now, code.text
            return
        body = {
            "token": code.json["token"],
            "project_id": self.service.world.project_id,
            "nonce": f"nonce-of-life-{self.service.keys}",
            "device_id": "counter-1",
            "happened_at": self.now.isoformat(),
        }
        answer = self.service.send(chaos, school, "/v1/enrolments", body)
        if self.expect(allowed, answer):
            self.life.did_redeem(person, school, self.now)
            self.ids["enrolment", person] = answer.json["id"]
        self.check()

    @rule(chaos=CHAOS, person=PERSON, who=st.sampled_from(("clerk", "institution", "finance", "clerk_wuhu")))
    def release(self, chaos: Any, person: int, who: str) -> None:
        self._end_enrolment(chaos, person, who, "release", "confirmed")

    @rule(chaos=CHAOS, person=PERSON, who=st.sampled_from(("clerk", "institution", "reviewer")))
    def withdraw(self, chaos: Any, person: int, who: str) -> None:
        self._end_enrolment(chaos, person, who, "withdraw", "rostered")

    def _end_enrolment(self, chaos: Any, person: int, who: str, verb: str, wanted: str) -> None:
        person = self.someone(person, wanted)
        voucher = self.life.vouchers.get(person)
        if voucher is None or not voucher.enrolment:
            return
        self.later()
        done_before = {"release": "released", "withdraw": "withdrawn"}[verb]
        path = f"/v1/enrolments/{self.ids['enrolment', person]}/{verb}"
        answer = self.service.send(chaos, who, path, {"reason": "本人申请"})
        allowed: bool | None = voucher.enrolment == wanted and who == "clerk"
        if who == "institution" and voucher.enrolment == wanted and voucher.school == "institution":
            allowed = None
        if voucher.klass is not None and self.life.classes[voucher.klass].status != "approved" and allowed:
            allowed = None
        if voucher.enrolment == done_before:
            allowed = None  # told again
        if self.expect(allowed, answer) and voucher.enrolment == wanted:
            (self.life.did_release(person, self.now) if verb == "release" else self.life.did_withdraw(person))
        self.check()

    @rule(chaos=CHAOS, person=PERSON, who=st.sampled_from(("clerk", "clerk", "institution", "clerk_wuhu")))
    def revoke(self, chaos: Any, person: int, who: str) -> None:
        voucher = self.life.vouchers.get(person)
        if voucher is None:
            return
        self.later()
        path = f"/v1/vouchers/{self.ids['voucher', person]}"
        body = {"version": self.version("province", path), "reason": "查实不符合条件"}
        answer = self.service.send(chaos, who, f"{path}/revoke", body)
        if self.expect(self.life.may_revoke(person, self.now) if who == "clerk" else False, answer):
            voucher.become("revoked")
            if voucher.before == "redeemed":
                stored = invariants.stored_enrolment(self.ids["enrolment", person])
                assert stored.status in ("released", "withdrawn"), stored.status
                assert voucher.enrolment in ("confirmed", "rostered")
                if voucher.klass is not None:
                    self.life.classes[voucher.klass].roster.discard(person)
                voucher.enrolment = str(stored.status)
        self.check()

    @rule(
        chaos=CHAOS,
        person=PERSON,
        who=st.sampled_from(("province", "province", "clerk")),
        days=st.sampled_from((0, 0, 60, -1, 366)),
    )
    def ask_restore(self, chaos: Any, person: int, who: str, days: int) -> None:
        """Ask for a day so many days after its own last one, or after today where that has passed."""
        person = self.someone(person, "revoked", "expired")
        voucher = self.life.vouchers.get(person)
        if voucher is None or voucher.before == "redeemed":
            return
        self.later()
        self.life.forget_stale_restores(self.now)
        until = max(voucher.last_day, day_of(self.now)) + days * DAY
        body = {"reason": "名单有误", "extended_to": until.isoformat()}
        answer = self.service.send(chaos, who, f"/v1/vouchers/{self.ids['voucher', person]}/restore", body)
        if who == "province":
            self.life.expire(
                person, self.now
            )  # whoever asks has recorded what the night would, refused or not
        allowed = who == "province" and self.life.may_restore(person, until, who, self.now)
        if self.expect(allowed, answer):
            self.life.did_ask_restore(person, until, who, self.now)
        self.check()

    @rule(
        chaos=CHAOS, person=PERSON, who=st.sampled_from(("province", "province_two", "province_two", "clerk"))
    )
    def confirm_restore(self, chaos: Any, person: int, who: str) -> None:
        self.later()
        self.life.forget_stale_restores(self.now)
        asked = [one for one, voucher in sorted(self.life.vouchers.items()) if voucher.restore_asked_by]
        if not asked:
            return
        person = asked[person % len(asked)]
        voucher = self.life.vouchers[person]
        until = voucher.restore_until
        assert until is not None
        answer = self.service.send(
            chaos, who, f"/v1/vouchers/{self.ids['voucher', person]}/restore/confirm", {}
        )
        allowed = voucher.status in ("revoked", "expired") and until >= day_of(self.now)
        if self.expect(who == "province_two" and allowed, answer):
            voucher.become(voucher.before)
            stored = invariants.stored_voucher(self.ids["voucher", person])
            assert stored.expires_at >= voucher.expires_at, "nobody loses time by being restored"
            assert stored.valid_through == until
            voucher.expires_at, voucher.restore_asked_by = stored.expires_at, ""
            voucher.restore_asked_at = voucher.restore_until = None
        self.check()

    # ------------------------------------------------------------------------- institutions

    @rule(
        chaos=CHAOS,
        school=st.sampled_from(tuple(SCHOOLS)),
        who=st.sampled_from(("clerk", "clerk", "institution")),
    )
    def suspend_or_reinstate(self, chaos: Any, school: str, who: str) -> None:
        self.later()
        path = f"/v1/institutions/{SCHOOLS[school]}"
        verb = "reinstate" if school in self.life.suspended else "suspend"
        body = {"version": self.version("clerk", path), "reason": "核查"}
        if self.expect(who == "clerk", self.service.send(chaos, who, f"{path}/{verb}", body)):
            self.life.suspended ^= {school}
        self.check()
