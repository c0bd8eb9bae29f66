"""Export selection: SKUs as they are named, and a sample that stays the same."""

from catalogs.gallery.release_filter import ReleaseFilter
from tasks.gallery.export_selection import select_sample, select_skus
from tests.catalogs.gallery.release_rows import index_of, row


def test_all_images_of_a_sku_are_selected_and_those_of_longer_skus_are_not() -> None:
    index = index_of(row("A"), row("A", "back"), row("A-1"), row("B"), row("C"))
    selection = select_skus(index, ["C", "A", "none", "A", ""])
    assert [item.sku for item in index.items(selection.positions)] == ["A", "A", "C"]
    assert selection.missing_skus == ["none", ""]
    assert select_skus(index, []).positions.tolist() == []


def test_a_sample_is_in_order_and_a_larger_one_holds_the_smaller() -> None:
    index = index_of(*(row(f"S{number:03d}") for number in range(100)))
    some, more = (set(select_sample(index, count).positions.tolist()) for count in (10, 30))
    assert len(some) == 10
    assert some < more
    assert select_sample(index, 10).positions.tolist() == sorted(some)
    assert select_sample(index, 1000).positions.tolist() == index.matching(ReleaseFilter()).tolist()
    assert max(some) - min(some) > 50, "it comes from the whole release"
