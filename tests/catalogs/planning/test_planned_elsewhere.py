"""An index of another run's slots tells its slots from all others."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.planning.plan import Slot
from catalogs.planning.planned_elsewhere import ELSEWHERE_COLUMNS, PlannedElsewhere

PLANNED = st.tuples(st.integers(0, 5), st.integers(0, 2), st.sampled_from(["white", "grey"]))


def digest(number: int) -> bytes:
    return number.to_bytes(2, "big") * 16


def slot(number: int, key: int, finish: str) -> Slot:
    return Slot(
        digest(number), "s", "", "front", "a", 0, "new", digest(key), b"", finish, 1, None, "normal", None, None
    )


@settings(max_examples=100, deadline=None)
@given(batches=st.lists(st.lists(PLANNED, max_size=5), max_size=3))
def test_it_has_the_planned_slots_and_no_others(batches: list[list[tuple[int, int, str]]]) -> None:
    tables = [
        pa.table(
            [[digest(row[0]) for row in rows], [digest(row[1]) for row in rows], [row[2] for row in rows]],
            schema=pa.schema(list(zip(ELSEWHERE_COLUMNS, [pa.binary(), pa.binary(), pa.string()], strict=True))),
        )
        for rows in batches
    ]
    elsewhere = PlannedElsewhere(tables)
    planned = {row for rows in batches for row in rows}
    assert len(elsewhere) == sum(map(len, batches))
    for number in range(6):
        for key in range(3):
            for finish in ("white", "grey", "black"):
                assert elsewhere.has(slot(number, key, finish)) == ((number, key, finish) in planned)
