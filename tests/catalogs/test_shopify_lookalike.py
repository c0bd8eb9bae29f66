"""Our own shop export has the shapes of the real ones, so that a fresh clone tests the same."""

import csv
from pathlib import Path

from tests.paths import DATA

Row = dict[str, str]
LOOKALIKE = DATA / "shopify_lookalike.csv"


def rows_of(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


def shapes(rows: list[Row]) -> dict[str, bool]:
    titled = {row["Handle"] for row in rows if row["Title"]}
    return {
        "no SKU is filled": not any(row["Variant SKU"] for row in rows),
        "variant rows leave the title to their handle": any(
            not row["Title"] and row["Option1 Value"] and row["Handle"] in titled for row in rows
        ),
        "some rows are only pictures": any(
            not row["Title"] and not row["Option1 Value"] and not row["Variant Price"] and row["Image Src"]
            for row in rows
        ),
        "single products have the default option": any(row["Option1 Value"] == "Default Title" for row in rows),
        "every handle has its title": {row["Handle"] for row in rows} == titled,
    }


def test_the_lookalike_has_every_shape() -> None:
    rows = rows_of(LOOKALIKE)
    assert (len(rows), len({row["Handle"] for row in rows})) == (35, 15)
    assert all(shapes(rows).values()), shapes(rows)
    assert any("\n" in row["Body (HTML)"] and "<li>" in row["Body (HTML)"] for row in rows)
    assert any('"' in row["Body (HTML)"] and "," in row["Body (HTML)"] for row in rows)
    assert any(row["Option2 Value"] for row in rows)


def test_the_real_exports_have_the_same_header_and_shapes(shared_catalogs: Path) -> None:
    header = list(rows_of(LOOKALIKE)[0])
    together: dict[str, bool] = {}
    for path in sorted(shared_catalogs.glob("*.csv")):
        rows = rows_of(path)
        assert [name for name in rows[0] if name not in header] == []
        for shape, holds in shapes(rows).items():
            together[shape] = together.get(shape, False) or holds
    assert all(together.values()), together
