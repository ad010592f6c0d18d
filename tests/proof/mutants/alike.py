"""Mutants that do the same as the program: no test can tell them apart, and why."""

_RULES = "chalicelib.supervision.rules"
_ONLY_WHETHER = "whoever asks only asks whether there are any"
_FIRST_OF_ALL = (
    '_NOT_PAID_LINES = frozenset({"reversed", "rejected", "returned", "withdrawn"})'
    " _FIRST_OF_ALL = datetime(1970, 1, 1, tzinfo=UTC)"
)
_GROUPS = (
    "persons = [sorted(record.person for record in groups[key]) for key in sorted(groups)]"
    " return [group for group in persons if len(group) > 1 and any(person in enrolments for person in group)]"
)
_SORTED_MARKS = (
    '"""Give the most trainees whose marks lie within a range of this width."""'
    " ordered = sorted(self.by_enrolment.items(), key=lambda item: (item[1], item[0]))"
)
_PAIRS = "pairs = [before < after for start, before in enumerate(common) for after in common[start + 1 :]]"

ALIKE: dict[tuple[str, str, str], str] = {
    ("chalicelib.subsidies.payability.model", "if voucher is None: return 0", "1"): (
        "without a voucher `voucher_redeemed` fails, which nobody may let pass: the amount is not asked for"
    ),
    ("chalicelib.accounts.rights", "case _: return False", "True"): (
        "`may` has asked before whether the role stands in the row: no row has another scope"
    ),
    (f"{_RULES}.repeats", "} return {}", "return None"): _ONLY_WHETHER,
    (f"{_RULES}.repeats", _FIRST_OF_ALL, "1971"): "any moment before the first program is the first of all",
    (f"{_RULES}.repeats", _FIRST_OF_ALL, "2"): "any moment before the first program is the first of all",
    (f"{_RULES}.positions", "return suspects return []", "return None"): _ONLY_WHETHER,
    (
        f"{_RULES}.positions",
        "if sum(shared[one] for one in mostly) < share * sum(seen[one] for one in mostly): return []",
        "return None",
    ): _ONLY_WHETHER,
    (
        f"{_RULES}.positions",
        "if len(mostly) < max(limits.position_people, limits.stored_people_share * len(seen)): return []",
        "return None",
    ): _ONLY_WHETHER,
    (f"{_RULES}.positions", "if len(often) < _GROUP_MIN: return []", "return None"): _ONLY_WHETHER,
    (
        f"{_RULES}.contacts",
        _GROUPS,
        "len(group) >= 1",
    ): "only pairs and more are looked at afterwards",
    (f"{_RULES}.marks", "if not records: return []", "return None"): _ONLY_WHETHER,
    (f"{_RULES}.marks", _SORTED_MARKS, "1"): "marks stand in the order of their enrolments already",
    (f"{_RULES}.bursts", f"return False {_PAIRS}", "before <= after"): (
        "no two people have one place in an order"
    ),
}
"""By module, the line behind the one above, and what became of a part of it."""
