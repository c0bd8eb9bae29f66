"""What only the whole source can tell is known before its first row."""

from pathlib import Path

from catalogs.ingest.row_validation import RowValidator
from catalogs.recipe.loading import built_in_recipe
from infra.sources import open_source
from tasks.pipeline.source_passes import run_source_passes

FURNITURE = """,sku,title,category,depth,height,width,views,quality
0,904,Bar table,Tables,,99.0,51.0,1204,A
1,368,Dining table,Tables,,105.0,80.0,88,A
2,801,Bar stool,Chairs,50.0,100.0,60.0,530,B
3,802,Bench,Chairs,50.0,96,128,530,B
"""


def test_a_furniture_catalogues_centimetres_lose_no_product(tmp_path: Path) -> None:
    (tmp_path / "furniture.csv").write_text(FURNITURE)
    source = open_source(str(tmp_path / "furniture.csv"))
    validator = RowValidator(built_in_recipe("default"), source.columns)
    run_source_passes(validator, source)
    assert validator.repurposed == {"width", "height", "views"}
    [batch] = source.batches(validator.needed_columns)
    found = validator.validate_batch(batch.numbers, batch.rows)
    assert (found.table["sku"].to_pylist(), list(found.rejects)) == (["904", "368", "801", "802"], [])
    assert found.table["width"].to_pylist()[:3] == ["", "", ""]
    assert [sentence.split(" and was left out")[0] for sentence in validator.warning_sentences()] == [
        "3 × height is no size in pixels (a multiple of 16 from 64 to 4096)",
        "4 × quality is no tier of the recipe",
        "4 × views is no view of the recipe",
        "2 × width is no size in pixels (a multiple of 16 from 64 to 4096)",
    ]
