"""The command as a process: `packshot`, and `python -m flows.cli` where the script is not on the path."""

from typing import NoReturn

from flows.cli import main
from flows.cli.process_end import end_process


def run() -> NoReturn:
    """Run the command line that the arguments name, and end the process."""
    try:
        main()
    except SystemExit as ending:
        end_process(ending.code if isinstance(ending.code, int) else 0)


if __name__ == "__main__":
    run()
