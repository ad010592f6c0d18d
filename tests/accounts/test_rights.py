"""The table of rights by itself: how far each right reaches, and what software of a role may be given."""

import pytest

from chalicelib.accounts import rights
from chalicelib.accounts.rights import RIGHTS, Scope
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import BUREAU_ROLES, Principal, Role
from chalicelib.kernel.reasons import error

TRAINEE = Principal(actor="prs_a", role=Role.TRAINEE, person_key="prs_a")
SCHOOL = Principal(actor="acc_s", role=Role.INSTITUTION, institution="school_a")
CLERK = Principal(actor="acc_c", role=Role.CLERK, division="3401")
PROVINCE = Principal(actor="acc_p", role=Role.PROVINCE, division="34")


def software(role, *scopes):
    return Principal(
        actor="cli_a", role=role, division="3401", institution="school_a", scopes=frozenset(scopes)
    )


def refusal(principal, action, **owners):
    with pytest.raises(DomainError) as refused:
        rights.require(principal, action, **owners)
    return refused.value.code


# ------------------------------------------------------------------------------------------ people


def test_an_action_that_no_row_has_is_known_to_nobody():
    assert rights.knows("voucher.claim")
    assert not rights.knows("voucher.invent")
    for role in Role:
        anybody = Principal(actor="acc_a", role=role, division="34")
        assert rights.may(anybody, "voucher.invent") is False
        assert rights.reaches(anybody, "voucher.invent", division="34") is False
        assert rights.may_be_softwares(role, "voucher.invent") is False
        assert refusal(anybody, "voucher.invent", division="34") == "forbidden"


@pytest.mark.parametrize("action", sorted(RIGHTS))
def test_each_right_is_of_the_roles_in_its_row_and_reaches_as_far_as_it_says(action):
    owners = {"division": "340111", "institution": "school_a", "person_key": "prs_a"}
    elsewhere = {"division": "340202", "institution": "school_b", "person_key": "prs_b"}
    for role in Role:
        near = Principal(
            actor="acc_a", role=role, division="3401", institution="school_a", person_key="prs_a"
        )
        scope = RIGHTS[action].get(role)
        scope = None if scope is Scope.SOFTWARE else scope  # of a person it is none
        assert rights.may(near, action) is (scope is not None), role
        assert rights.reaches(near, action, **owners) is (scope is not None), role
        assert rights.reaches(near, action, **elsewhere) is (scope is Scope.ALL), role
        assert rights.reaches(near, action) is (scope is Scope.ALL), role
        if scope is not None and scope is not Scope.ALL:
            assert refusal(near, action, **elsewhere) == "not_found", role
        if scope is None:
            assert refusal(near, action, **owners) == "forbidden", role


@pytest.mark.parametrize(
    ("principal", "action", "own", "others"),
    [
        (TRAINEE, "voucher.claim", {"person_key": "prs_a"}, {"person_key": "prs_b"}),
        (SCHOOL, "class.write", {"institution": "school_a"}, {"institution": "school_b"}),
        (CLERK, "class.approve", {"division": "340111"}, {"division": "340202"}),
        (CLERK, "class.approve", {"division": "3401"}, {"division": "34"}),
    ],
)
def test_a_right_reaches_what_is_its_holders_and_nothing_without_an_owner(principal, action, own, others):
    rights.require(principal, action, **own)
    assert rights.reaches(principal, action, **own) is True
    assert refusal(principal, action, **others) == "not_found"
    assert refusal(principal, action) == "not_found"


def test_the_province_reaches_what_has_no_owner():
    rights.require(PROVINCE, "program.create")
    assert rights.reaches(PROVINCE, "class.read", division="340202") is True


def test_who_belongs_nowhere_reaches_nothing():
    nobody = Principal(actor="acc_x", role=Role.INSTITUTION)
    assert refusal(nobody, "class.write", institution=None) == "not_found"
    assert refusal(Principal(actor="x", role=Role.TRAINEE), "voucher.claim", person_key=None) == "not_found"


def test_admitting_asks_the_role_alone():
    rights.admit(CLERK, "class.approve")
    with pytest.raises(DomainError) as refused:
        rights.admit(SCHOOL, "class.approve")
    assert refused.value.code == "forbidden"


def test_what_is_offered_is_what_the_right_reaches_and_nothing_stands_against():
    actions = {"approve": "class.approve", "return": "class.return", "cancel": "class.cancel"}

    def why_not(action):
        return error("wrong_state", status="draft") if action == "return" else None

    assert rights.offered(CLERK, actions, why_not, division="340111") == ["approve"]
    assert rights.offered(CLERK, actions, lambda _: None, division="340111") == ["approve", "return"]
    assert rights.offered(CLERK, actions, lambda _: None, division="340202") == []
    assert rights.offered(SCHOOL, actions, lambda _: None, institution="school_a") == ["cancel"]
    own = {"claim": "voucher.claim"}
    assert rights.offered(TRAINEE, own, lambda _: None, person_key="prs_a") == ["claim"]
    assert rights.offered(TRAINEE, own, lambda _: None, person_key="prs_b") == []


# ------------------------------------------------------------------------------------------ software


def test_an_institutions_software_may_be_given_what_its_staff_do_except_accounts_and_credentials():
    theirs = {action for action in RIGHTS if rights.may_be_softwares(Role.INSTITUTION, action)}
    staffs = {action for action, row in RIGHTS.items() if Role.INSTITUTION in row}
    decided = {"payee.refuse"}  # the one decision that staff of an institution take: whose money it is
    assert decided < staffs
    assert theirs == {action for action in staffs - decided if not action.startswith(("account.", "client."))}
    assert {"class.write", "scan.redeem", "subsidy_claim.submit"} <= theirs


def test_a_bureaus_software_reads_and_decides_nothing():
    for role in (Role.CLERK, Role.REVIEWER, Role.FINANCE, Role.SUPERVISOR, Role.PROVINCE):
        given = {action for action in RIGHTS if rights.may_be_softwares(role, action)}
        assert given == {
            action
            for action, row in RIGHTS.items()
            if role in row
            and action.partition(".")[2].startswith("read")
            and not action.startswith(("account.", "client."))
        }, role
        assert "class.read" in given
    assert rights.may_be_softwares(Role.INSTITUTION, "roster.template") is True
    assert rights.may_be_softwares(Role.CLERK, "class.approve") is False


def test_there_is_no_software_of_a_trainee_or_of_the_platform():
    for role in (Role.TRAINEE, Role.PLATFORM):
        assert not [action for action in RIGHTS if rights.may_be_softwares(role, action)]
    assert rights.may_be_some_softwares("attendance.read_own") is False


def test_a_scope_can_be_wanting_where_the_table_refuses_it_so_or_a_key_is_changed():
    def wanting(role, action):
        try:
            rights.admit(software(role), action)
        except DomainError as failure:
            return failure.code == "insufficient_scope"
        return False

    for action in RIGHTS:
        some = any(wanting(role, action) for role in (Role.INSTITUTION, *BUREAU_ROLES))
        assert rights.needs_scope(action) is (some or action == "client.rotate"), action
    assert rights.needs_scope("class.read") is True
    assert rights.needs_scope("me.read") is rights.needs_scope("class.approve") is False


def test_software_does_what_it_was_given_of_what_it_can_have():
    program = software(Role.INSTITUTION, "class.write", "class.approve", "client.revoke")
    assert rights.may(program, "class.write") is True
    assert rights.may(program, "class.submit") is False, "its staff may, it was not given it"
    assert rights.may(program, "class.approve") is False, "given, and not of its role"
    assert rights.may(program, "client.revoke") is False, "given, and never software's"
    assert rights.may(software(Role.CLERK, "class.approve", "class.read"), "class.approve") is False
    assert rights.may(software(Role.CLERK, "class.approve", "class.read"), "class.read") is True


def test_software_always_knows_itself_and_changes_its_own_key():
    program = software(Role.INSTITUTION)
    assert rights.may(program, "me.read") is True
    assert rights.may(program, "client.rotate") is True
    assert rights.may(program, "class.read") is False
    assert refusal(program, "class.read", institution="school_a") == "insufficient_scope"
    assert refusal(program, "class.approve", division="34") == "forbidden", "no software of its role has it"
    assert "client.rotate" in rights.OF_SOFTWARE_ALONE


def test_no_person_does_what_is_softwares_alone():
    person = Principal(actor="acc_a", role=Role.INSTITUTION, division="3401", institution="school_a")
    for action in rights.OF_SOFTWARE_ALONE:
        assert refusal(person, action, institution="school_a") == "forbidden"
