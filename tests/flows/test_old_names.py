"""Old entrypoints: deployments that a server holds from before the move find their flows."""

from importlib import import_module

import pytest
from prefect import Flow


@pytest.mark.parametrize(
    ("old", "name"),
    [
        ("flows.refresh.refresh", "refresh"),
        ("flows.parts.refresh_part", "refresh"),
        ("flows.sweeping.sweep", "store"),
    ],
)
def test_an_entrypoint_of_the_old_layout_loads_its_flow(old: str, name: str) -> None:
    module, _, function = old.rpartition(".")
    flow = getattr(import_module(module), function)
    assert isinstance(flow, Flow)
    assert flow.name == name
