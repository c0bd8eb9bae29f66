"""The rows of which a plan decides slots are kept as they were read."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from catalogs.ingest.source_rows import select_source_rows
from catalogs.table_schemas import SOURCE_ROWS

NAMES = ("title", "color", "a column")
tables = st.lists(st.tuples(*[st.text(max_size=4)] * len(NAMES)), max_size=6)


@given(tables, st.sets(st.integers(0, 5)), st.integers(0, len(NAMES)), st.integers(1, 3))
def test_each_chosen_row_has_its_own_texts_by_column(
    cells: list[tuple[str, ...]], wanted: set[int], width: int, chunk: int
) -> None:
    rows = [
        {"row": 10 + number, "sku": f"sku {number}", **dict(zip(NAMES[:width], texts, strict=False))}
        for number, texts in enumerate(cells)
    ]
    schema = pa.schema([("row", pa.int64()), ("sku", pa.string()), *((name, pa.string()) for name in NAMES[:width])])
    batches = [pa.RecordBatch.from_pylist(rows[start : start + chunk], schema) for start in range(0, len(rows), chunk)]
    positions = {position for position in wanted if position < len(rows)}
    found = select_source_rows(pa.Table.from_batches(batches, schema), positions)
    assert found.schema == SOURCE_ROWS
    found.validate(full=True)
    assert [(row["row"], row["sku"], dict(row["fields"])) for row in found.to_pylist()] == [
        (rows[position]["row"], rows[position]["sku"], dict(zip(NAMES[:width], cells[position], strict=False)))
        for position in sorted(positions)
    ]
