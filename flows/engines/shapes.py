"""Grammar of `--sizes` and `--batch`, for the commands that build and that measure engines.

Inputs: text. Outputs: sizes as (width, height) in pixels, batch sizes as (lowest, highest), or an `OptionError`. Both
are comma-separated lists: a size is `1024` (square) or `1024x768`, a batch size is `4` or a range `1-4`. What a command
supports of these is checked by the command.
"""

import re

from catalogs.errors import OptionError

SIZE_PATTERN, BATCH_PATTERN = re.compile(r"(\d{1,6})(?:x(\d{1,6}))?"), re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")


def parse_size_list(text: str) -> list[tuple[int, int]]:
    """Return the sizes of a text such as `1024,768x512` in their order, each once."""
    sizes = []
    for part in _split(text):
        match = SIZE_PATTERN.fullmatch(part)
        if match is None:
            raise OptionError(f"--sizes: {part!r} is no size; give a side or width x height, such as 1024,768x512")
        sizes.append((int(match[1]), int(match[2] or match[1])))
    return list(dict.fromkeys(sizes))


def parse_batch_list(text: str) -> list[tuple[int, int]]:
    """Return the batch sizes of a text such as `1,4-8` as ranges in their order."""
    ranges = []
    for part in _split(text):
        match = BATCH_PATTERN.fullmatch(part)
        if match is None:
            raise OptionError(f"--batch: {part!r} is no batch size; give a number or a range, such as 1,4 or 1-4")
        ranges.append((int(match[1]), int(match[2] or match[1])))
    return ranges


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]
