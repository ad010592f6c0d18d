"""Whose budget pays, and in whose lists an area's things stand."""

from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.budgets.model import Budget, BudgetMoves, Part, budget_division, budget_id_of


def test_a_city_pays_for_its_counties_and_the_province_for_those_it_administers() -> None:
    assert budget_division("340111") == "3401"
    assert budget_division("3401") == "3401"
    assert budget_division("341882") == "34"
    assert budget_division("340826") == "34"
    assert budget_division("34") == "34"


def test_an_area_is_read_from_the_lists_of_its_cities() -> None:
    assert cities_of("3401") == (("3401",), None)
    assert cities_of("340111") == (("3401",), "340111")
    assert cities_of("341882") == (("34",), "341882")
    assert len(cities_of("34")[0]) == 17


def test_a_budget_begins_with_nothing_reserved_spent_or_owed() -> None:
    fresh = Budget(
        id=budget_id_of("3401", 2026),
        program_id="prg_a",  # type: ignore[arg-type]
        division="3401",
        year=2026,
        appropriated_fen=100,
        available_fen=100,
    )
    assert (fresh.id, fresh.version) == ("bud_3401-2026", 1)
    assert (fresh.reserved_fen, fresh.spent_fen, fresh.receivable_fen) == (0, 0, 0)


def test_what_moves_leaves_one_part_and_comes_to_another() -> None:
    moves = BudgetMoves()
    moves.move(2026, "prg_a", Part.AVAILABLE, Part.RESERVED, 100)
    moves.move(2026, "prg_a", Part.RESERVED, Part.SPENT, 60)
    moves.move(2027, "prg_a", Part.AVAILABLE, Part.RESERVED, 5)
    assert moves == {
        (2026, "prg_a"): {Part.AVAILABLE: -100, Part.RESERVED: 40, Part.SPENT: 60},
        (2027, "prg_a"): {Part.AVAILABLE: -5, Part.RESERVED: 5},
    }
    assert all(sum(parts.values()) == 0 for parts in moves.values())
