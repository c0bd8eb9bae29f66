"""Lines of values in YAML files: by key, by place in a list, through merge keys, and as far as a path goes."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from catalogs.rule_positions import find_position, split_path

TEXT = """\
version: 1
tiers:
  standard: {width: 1, height: 2}
views:
  - front
  - side: x
base: &base
  one: 1
more:
  <<: [*base]
  two: 2
7: seven
"""


@pytest.mark.parametrize(
    ("path", "depth", "line"),
    [
        ((), 0, 1),
        (("version",), 1, 1),
        (("tiers", "standard", "height"), 3, 3),
        (("tiers", "standard", "depth"), 2, 3),
        (("tiers", "standard", "height", "str"), 3, 3),
        (("views", 0), 2, 5),
        (("views", 1, "side"), 3, 6),
        (("views", 2), 1, 4),
        (("more", "one"), 2, 8),
        (("more", "two"), 2, 11),
        ((7,), 1, 12),
        (("nothing", "at", "all"), 0, 1),
    ],
)
def test_a_value_is_found_on_its_line(path: tuple[int | str, ...], depth: int, line: int) -> None:
    assert find_position(TEXT, path) == (depth, line)


def test_a_dotted_text_is_a_path() -> None:
    assert split_path("image.0.score") == ("image", 0, "score")
    assert split_path(f"a.{'9' * 5000}") == ("a", "9" * 5000)


NAMES = st.text("abcdef", min_size=1, max_size=4)


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, st.integers(), min_size=1), min_size=1), st.data())
def test_every_key_of_a_dumped_file_is_found_where_it_stands(
    content: dict[str, dict[str, int]], data: st.DataObject
) -> None:
    text = yaml.safe_dump(content)
    part = data.draw(st.sampled_from(sorted(content)))
    name = data.draw(st.sampled_from(sorted(content[part])))
    found = find_position(text, (part, name))
    assert found.depth == 2
    assert text.splitlines()[found.line - 1].strip().strip("'\"").startswith(name)
