"""Run the kept cases of all targets once, in this process: `python -m tests.fuzzing.replay`.

Inputs: `tests/data/fuzzing/TARGET/*`. Outputs: on standard output the name of each case before it is run, and after it
`ok`, or the exception on one line. A caller that finds a name without an answer knows which case ended the process.
"""

import sys

from tests.fuzzing import CASES
from tests.fuzzing.targets import TARGETS


def main() -> None:
    """Run every case."""
    for path in sorted(CASES.glob("*/*")):
        sys.stdout.write(f"{path.parent.name}/{path.name}\t")
        sys.stdout.flush()
        try:
            TARGETS[path.parent.name].run(path.read_bytes())
        except Exception as error:  # whatever it is, it is the finding
            sys.stdout.write(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}\n")
        else:
            sys.stdout.write("ok\n")


if __name__ == "__main__":
    main()
