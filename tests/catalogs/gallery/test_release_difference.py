"""Release difference: against a comparison slot by slot."""

from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.gallery.release_difference import ReleaseDifference
from tests.catalogs.gallery.release_rows import index_of, row

RELEASES = st.dictionaries(
    st.tuples(st.sampled_from("ABCDE"), st.sampled_from(["front", "back"])), st.integers(1, 2), max_size=10
)


@settings(max_examples=40)
@given(RELEASES, RELEASES)
def test_every_slot_is_new_replaced_gone_or_the_same(
    before: dict[tuple[str, str], int], after: dict[tuple[str, str], int]
) -> None:
    rows = [[row(*slot, file=file) for slot, file in release.items()] for release in (before, after)]
    difference = ReleaseDifference(index_of(*rows[0]), index_of(*rows[1]))

    new = [(item.sku, item.view) for item in difference.new_items(0, 99)]
    gone = [(item.sku, item.view) for item in difference.gone_items(0, 99)]
    replaced = difference.replaced_items(0, 99)
    assert new == sorted(after.keys() - before.keys())
    assert gone == sorted(before.keys() - after.keys())
    both = sorted(slot for slot in after.keys() & before.keys() if after[slot] != before[slot])
    assert [(pair.after.sku, pair.after.view) for pair in replaced] == both
    assert all(pair.before.slot_id == pair.after.slot_id for pair in replaced)
    assert all(pair.before.file_sha_prefix != pair.after.file_sha_prefix for pair in replaced)
    assert len(difference) == len(new) + len(gone) + len(replaced)


def test_a_difference_is_paged() -> None:
    difference = ReleaseDifference(index_of(), index_of(*(row(f"S{n}") for n in range(5))))
    assert [item.sku for item in difference.new_items(3, 3)] == ["S3", "S4"]
    assert difference.new_items(5, 3) == difference.replaced_items(0, 3) == difference.gone_items(0, 3) == []
