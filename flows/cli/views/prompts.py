"""View of a plan's prompts: rows of the catalogue, what will be made of them, and why anything of them waits.

Inputs: the samples of a report. Outputs: one Rich table on the given console. All of it is catalogue text and stays
text.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from catalogs.photos.photo_sentences import say_plan
from catalogs.runs.report_parts import ReportPrompt
from flows.cli.views.tables import new_table, plain_text, print_line
from tasks.reporting import formatting

MAX_PROMPT_CHARACTERS = 500
MAX_SKU_CHARACTERS = 40
_STYLES = {"review": "yellow", "blocked": "red", "failed": "magenta"}


def show_prompts(console: Console, prompts: Sequence[ReportPrompt]) -> None:
    """Print each sample: row, SKU, views, prompt, and its state with the reasons where it waits."""
    if not prompts:
        return
    table = new_table("row", "SKU", "views", "prompt", right={"row"})
    for sample in prompts:
        sku = plain_text(sample.sku or formatting.UNKNOWN_VALUE, MAX_SKU_CHARACTERS)
        if sample.sharing:
            sku.append(f"\nand {sample.sharing:,} more", "dim")
        table.add_row(formatting.format_number(sample.row), sku, plain_text(", ".join(sample.views)), _prompt(sample))
    console.print(table)
    print_line(console, ("The prompt of each row's first view; --prompts N shows more.\n", "dim"))


def _prompt(sample: ReportPrompt) -> Text:
    planned = say_plan(sample.mode, sample.photo) if sample.mode else sample.prompt
    text = plain_text(planned, MAX_PROMPT_CHARACTERS)
    state = formatting.printable(sample.state or formatting.UNKNOWN_VALUE, 40)
    reasons = ", ".join(formatting.printable(reason, 60) for reason in sample.reasons)
    text.append(f"\n{state}{f': {reasons}' if reasons else ''}", _STYLES.get(sample.state or "", "dim"))
    if sample.negative:
        text.append("\nnegative: ", "dim")
        text.append_text(plain_text(sample.negative, MAX_PROMPT_CHARACTERS))
    return text
