"""Names of a table's columns: each once, none empty.

Inputs: the cells of a header. Outputs: as many names. A column that no recipe reads may have any name, or that of
another column: it must not keep the others from being read. A name that several columns have is kept by the first, and
asking for it is an error, since nothing says which is meant.
"""

from collections import Counter
from collections.abc import Sequence


def unique_names(header: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    """Return a name for each column, and the names that several columns have with their number.

    A second column `Tags` becomes `Tags (2)`, and the fifth column without a name `column 5`.
    """
    counts = Counter(name for name in header if name)
    taken, seen, names = set(header), Counter[str](), []
    for position, cell in enumerate(header, 1):
        seen[cell] += 1
        name = cell
        if not cell or seen[cell] > 1:
            number = seen[cell] if cell else position
            name = f"{cell} ({number})" if cell else f"column {number}"
            while name in taken:
                number += 1
                name = f"{cell} ({number})" if cell else f"column {number}"
        taken.add(name)
        names.append(name)
    return names, {name: count for name, count in counts.items() if count > 1}
