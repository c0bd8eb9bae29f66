"""Folder listing: every file of a model's components that a loader could open.

Inputs: a folder in diffusers' layout, the names of its components. Outputs: paths below the folder, or an `EngineError`
for a file that cannot be digested.
What the digest covers is decided here, so nothing may be left out because of its look: hidden files and what lies
behind symbolic links count. Left out is only what no loader opens, and what a component names must be listed here
(see `infra.models.component_references`).
"""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from infra.errors import EngineError

MAX_COMPONENT_FILES = 10_000
"""The largest models are split into hundreds of files; a folder with more is not a model's, or links into a disk."""

INERT_NAMES = frozenset(("generation_config.json", "license", "notice", ".gitattributes", ".gitignore", ".ds_store"))
"""Names, in lower case, that reach no pixel. generation_config.json concerns text generation only, and some ways of
downloading leave it out."""

INERT_SUFFIXES = frozenset((".gif", ".jpeg", ".jpg", ".md", ".pdf", ".png", ".webp"))
"""Suffixes, in lower case, of documentation."""

APPLE_DOUBLE = "._"
"""The beginning of the names that macOS gives to its own files beside each file that it copies."""


TOOLS_FOLDERS = frozenset((".cache", ".git"))
"""Folders of a downloading tool, which differ from one download to the next."""


def component_files(folder: Path, components: Collection[str]) -> Iterator[Path]:
    """Yield the files of the components that a loader could open, in no order; symbolic links are followed.

    Raises `EngineError` for links that lead in a circle, too many files, and names that a listing cannot hold.
    """
    count = 0
    for component in sorted(components):
        for path in _walk(folder, folder / component):
            if _is_inert(path.name) or not path.exists():  # a link to nothing cannot be opened
                continue
            if (count := count + 1) > MAX_COMPONENT_FILES:
                raise EngineError(
                    f"The model folder {str(folder)!r} has more than {MAX_COMPONENT_FILES} files in its components: "
                    "remove what is not the model's."
                )
            _check_name(folder, path)
            yield path


def _walk(folder: Path, component: Path) -> Iterator[Path]:
    """Yield everything below a component that is no folder."""
    parents = {component: frozenset({component.resolve()})}
    for place, folders, names in os.walk(component, followlinks=True):
        path = Path(place)
        folders[:] = [name for name in folders if name not in TOOLS_FOLDERS]
        for name in folders:
            real = (path / name).resolve()
            if real in parents[path]:
                raise EngineError(
                    f"The model folder {str(folder)!r} has a link in a circle, "
                    f"{(path / name).relative_to(folder).as_posix()!r}: remove it."
                )
            parents[path / name] = parents[path] | {real}
        yield from (path / name for name in names)


def _is_inert(name: str) -> bool:
    lower = name.lower()
    return lower in INERT_NAMES or lower.startswith(APPLE_DOUBLE) or Path(lower).suffix in INERT_SUFFIXES


def _check_name(folder: Path, path: Path) -> None:
    """Refuse what would make a digest ambiguous (a line break in a name), and what has no fixed content (a pipe)."""
    name = path.relative_to(folder).as_posix()
    if not name.isprintable():
        raise EngineError(
            f"The model folder {str(folder)!r} holds {name!r}: a file's name must be printable; rename it."
        )
    if not path.is_file():
        raise EngineError(f"The model folder {str(folder)!r} holds {name!r}, which is no plain file: remove it.")
