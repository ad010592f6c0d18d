"""Every port that a step declares is installed, and what is installed is there."""

import pytest

import app  # noqa: F401 - the composition
from chalicelib.kernel import ports


def test_every_declared_port_is_installed_and_nothing_else_is():
    assert set(ports.INSTALLED) == ports.DECLARED - {"never_installed"}
    assert len(ports.INSTALLED) >= 4


@pytest.mark.parametrize("name", sorted(ports.INSTALLED))
def test_what_answers_a_port_can_be_imported(name):
    assert callable(ports.answer_to(name))


def test_a_port_that_nobody_installed_says_so_by_name():
    port: ports.Port[[], None] = ports.Port("never_installed")
    with pytest.raises(ports.NotInstalled, match="never_installed"):
        port()


def test_an_answer_that_is_not_there_says_so(monkeypatch):
    monkeypatch.setitem(ports.INSTALLED, "never_installed", "chalicelib.kernel.money:lost")
    with pytest.raises(ports.NotInstalled, match="money:lost"):
        ports.answer_to("never_installed")
