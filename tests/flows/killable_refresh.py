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
from tests.fixtures.crash_harness import Content, World

DESCRIPTION, LOG = "world.json", "painted.log"


class LoggedWorld(World):
    """A world whose painted images are written down at once, so that a killed process has told of them."""

    def count(self, key: str) -> None:
        """Write the key down."""
        with (self.folder / LOG).open("a", encoding="ascii") as log:
            log.write(f"{key}\n")


def describe(world: World) -> None:
    """Write a world down for a process to come; the policy is the built-in one."""
    world.folder.mkdir(parents=True, exist_ok=True)
    content = {"rows": world.rows, "recipe": world.recipe, "settings": world.settings.model_dump()}
    content["shop"] = world.shop
    (world.folder / DESCRIPTION).write_text(json.dumps(content), "utf-8")


def described(folder: Path) -> World:
    """Return the world that was written down in a folder."""
    content: Content = json.loads((folder / DESCRIPTION).read_text("utf-8"))
    settings = Settings(**content["settings"])
    return LoggedWorld(
        folder, content["rows"], content["recipe"], settings=settings, processes=True, shop=content["shop"]
    )


def main(folder: str, *options: str) -> None:
    """Refresh; `partial` and `--no-wait` are options."""
    scope: Any = "partial" if "partial" in options else "full"
    print(json.dumps(described(Path(folder)).refresh(scope=scope, wait="--no-wait" not in options), default=str))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
