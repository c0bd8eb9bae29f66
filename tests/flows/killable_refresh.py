"""A refresh to be killed: `python -m tests.flows.killable_refresh FOLDER` runs the world that is described there.

Comes in: `FOLDER/world.json` with rows, recipe and settings. Goes out: a release in the world's store, a line in
`painted.log` for each image before it is painted, and the report as JSON on standard output. Plain threads and real
screening processes; the command line and Prefect are killed by tests of their own.
"""

import json
import sys
from pathlib import Path
from typing import Any

from infra.settings import Settings
from tests.fixtures.crash_harness import CrashHarness, JsonObject

DESCRIPTION_FILE, GENERATED_LOG = "world.json", "painted.log"


class LoggedCrashHarness(CrashHarness):
    """A world whose painted images are written down at once, so that a killed process has told of them."""

    def record_generated(self, key: str) -> None:
        """Write the key down."""
        with (self.folder / GENERATED_LOG).open("a", encoding="ascii") as log:
            log.write(f"{key}\n")


def write_description(harness: CrashHarness) -> None:
    """Write a world down for a process to come; the policy is the built-in one."""
    harness.folder.mkdir(parents=True, exist_ok=True)
    content = {"rows": harness.rows, "recipe": harness.recipe, "settings": harness.settings.model_dump()}
    content["shop"] = harness.url_override
    (harness.folder / DESCRIPTION_FILE).write_text(json.dumps(content), "utf-8")


def harness_from_description(folder: Path) -> CrashHarness:
    """Return the world that was written down in a folder."""
    content: JsonObject = json.loads((folder / DESCRIPTION_FILE).read_text("utf-8"))
    settings = Settings(**content["settings"])
    return LoggedCrashHarness(
        folder,
        content["rows"],
        content["recipe"],
        settings=settings,
        screen_in_processes=True,
        url_override=content["shop"],
    )


def main(folder: str, *options: str) -> None:
    """Refresh; `partial` and `--no-wait` are options."""
    scope: Any = "partial" if "partial" in options else "full"
    report = harness_from_description(Path(folder)).refresh(scope=scope, wait="--no-wait" not in options)
    print(json.dumps(report, default=str))  # noqa: T201 - the test that started this process reads it


if __name__ == "__main__":
    main(*sys.argv[1:])
