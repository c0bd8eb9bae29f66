"""The licence of every installed package, and which of them nobody has allowed yet.

Inputs: this environment, as pip-licenses reads it, and `licences.toml`. Outputs: a JSON file with a row for each
package (Name, Version, License), and exit code 1 with a sentence for each package whose licence is not allowed.

A licence that is unknown is not allowed, so a new dependency is read by a person before it comes.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

RULES = Path(__file__).with_name("licences.toml")


@dataclass(frozen=True)
class LicenceRules:
    """What `licences.toml` holds: licences, corrected labels by package, reasons by package or pattern."""

    allowed: frozenset[str]
    labels: Mapping[str, str]
    exceptions: Mapping[str, str]

    def allows(self, package: str, licence: str) -> bool:
        """Tell whether a package may be installed under its licence."""
        return licence in self.allowed or any(fnmatch(package, pattern) for pattern in self.exceptions)


def read_rules(path: Path = RULES) -> LicenceRules:
    """Return the rules of a file."""
    content = tomllib.loads(path.read_text("utf-8"))
    return LicenceRules(frozenset(content["allowed"]), content["labels"], content["exceptions"])


def installed_licences(rules: LicenceRules) -> list[dict[str, str]]:
    """Return a row for each installed package, its label corrected."""
    command = [sys.executable, "-m", "piplicenses", "--from=mixed", "--format=json", "--with-system"]
    rows: list[dict[str, Any]] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [row | {"License": rules.labels.get(_normal(row["Name"]), row["License"])} for row in rows]


def find_problems(rows: Sequence[Mapping[str, str]], rules: LicenceRules) -> list[str]:
    """Return a sentence for each package whose licence is not allowed."""
    return [
        f"{row['Name']} {row['Version']} is under {row['License']!r}: read that, and allow it in supply/licences.toml."
        for row in rows
        if not rules.allows(_normal(row["Name"]), row["License"])
    ]


def main(target: str) -> None:
    """Write the report, and end with 1 where a licence is not allowed."""
    rules = read_rules()
    rows = installed_licences(rules)
    Path(target).write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    if problems := find_problems(rows, rules):
        sys.exit("\n".join(problems))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main(sys.argv[1])
