"""Print what Packshot needs with the given extras, one requirement a line, for `pip install -r`.

Inputs: extras, separated by commas, and pyproject.toml. Output: its requirements on standard output.
pip installs no folder by hash, so the Makefile installs these by hash and then the checkout alone.
"""

import sys
import tomllib
from pathlib import Path


def requirements(extras: str, pyproject: Path) -> list[str]:
    """Return the requirements of the project and of its extras; SystemExit for an extra that it has not."""
    project = tomllib.loads(pyproject.read_text("utf-8"))["project"]
    optional = project["optional-dependencies"]
    names = [name.strip() for name in extras.split(",") if name.strip()]
    if unknown := sorted(set(names) - set(optional)):
        sys.exit(f"EXTRAS: there is no extra {', '.join(unknown)}; there are {', '.join(sorted(optional))}.")
    return [*project["dependencies"], *(requirement for name in names for requirement in optional[name])]


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements(sys.argv[1], Path("pyproject.toml"))) + "\n")
