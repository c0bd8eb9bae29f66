"""Options of reading: nothing is said unless a person says it."""

from dataclasses import asdict

from infra.sources.source_options import SourceOptions


def test_by_default_everything_is_found_out() -> None:
    assert set(asdict(SourceOptions()).values()) == {None}
