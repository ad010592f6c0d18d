"""How far the workers are with a list."""

import msgspec


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the workers are with an import; its counts once every chunk is judged."""

    import_id: str
    judged: set[int] = msgspec.field(default_factory=set)
    kept: set[int] = msgspec.field(default_factory=set)
    accepted: int | None = None
    valid: int = 0
    invalid: int = 0
    faults: int = 0
