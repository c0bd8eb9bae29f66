"""What was used last is kept, and never more bytes than the budget but for the newest."""

from hypothesis import given
from hypothesis import strategies as st

from infra.engines.lru_cache import LruCache


def test_the_least_recently_used_goes_first() -> None:
    kept: LruCache[str, int] = LruCache(max_bytes=10)
    assert kept.put("a", 1, 4) == []
    assert kept.put("b", 2, 4) == []
    assert kept.get("a") == 1
    assert kept.put("c", 3, 4) == [2]
    assert (kept.get("a"), kept.get("b"), kept.get("c"), kept.size_bytes) == (1, None, 3, 8)


def test_one_that_is_larger_than_the_budget_stays_alone() -> None:
    kept: LruCache[str, int] = LruCache(max_bytes=10)
    kept.put("a", 1, 4)
    kept.put("b", 2, 4)
    assert kept.put("huge", 3, 99) == [1, 2]
    assert (len(kept), kept.get("huge"), kept.size_bytes) == (1, 3, 99)
    assert kept.put("small", 4, 1) == [3]


def test_a_key_that_comes_again_replaces_its_value_and_its_size() -> None:
    kept: LruCache[str, int] = LruCache(max_bytes=10)
    kept.put("a", 1, 9)
    assert kept.put("a", 2, 3) == [1]
    assert (kept.get("a"), kept.size_bytes, len(kept)) == (2, 3, 1)
    kept.clear()
    assert (kept.get("a"), kept.size_bytes, len(kept)) == (None, 0, 0)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 12)), max_size=60), st.integers(0, 30))
def test_the_budget_holds_whatever_comes(puts: list[tuple[int, int]], budget: int) -> None:
    kept: LruCache[int, int] = LruCache(budget)
    for number, (key, size) in enumerate(puts):
        kept.put(key, number, size)
        assert kept.get(key) == number
        assert kept.size_bytes <= budget or len(kept) == 1
