"""Applying answers, to be killed: `python -m tests.flows.killable_apply FOLDER` takes those of the world in there.

Comes in: `FOLDER/world.json` (see `tests.flows.killable_refresh`). Goes out: what was applied, as JSON.
"""

import json
import sys
from pathlib import Path

from flows.review_apply import apply_answers
from flows.run.executors import open_thread_executor
from flows.wiring.composition import open_publishing_resources
from tests.fixtures.crash_harness import CATALOGUE
from tests.flows.killable_refresh import harness_from_description


def main(folder: str) -> None:
    """Apply the answers, and print what was done."""
    world = harness_from_description(Path(folder))
    resources = open_publishing_resources(world.url, world.settings)
    with open_thread_executor() as threads:
        applied = apply_answers(resources, CATALOGUE, world.settings, threads)
    print(json.dumps(applied.document(), default=str))  # noqa: T201 - the test that started this process reads it


if __name__ == "__main__":
    main(sys.argv[1])
