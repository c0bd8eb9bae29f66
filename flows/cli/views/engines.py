"""Views of engines: benchmarks, parity records, verifications, and the engines of a store.

Inputs: the documents that `--json` prints. Outputs: Rich tables on the given console.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.cli.views.tables import new_table, plain_texts
from tasks.reporting.formatting import UNKNOWN_VALUE, printable

BACKEND_COLUMN_WIDTH = len("fp8-compile")


def show_benchmark(console: Console, benchmark: Mapping[str, Any]) -> None:
    """Print a benchmark: the machine, one row per case, and why some cases could not be measured."""
    machine = benchmark["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    console.print(Text(f"{printable(benchmark['model'])} on {machine['device']}, {versions}, {machine['date']}"))
    console.print(benchmark_table(benchmark))
    for reason in dict.fromkeys((row["backend"], row["reason"]) for row in benchmark["rows"] if row["reason"]):
        console.print(Text(f"{reason[0]}: {printable(reason[1])}"))


def benchmark_table(benchmark: Mapping[str, Any]) -> Table:
    """Return the measurements as a table; a case without measurements has dashes."""
    title = f"{benchmark['steps']} steps, {benchmark['precision']} where a backend has no precision of its own"
    names = ("px", "batch", "images/s", "s/image", "TFLOP/s", "peak GB", "engine idle", "to diffusers")
    table = new_table("backend", *names, right=names)
    table.title, table.title_justify = title, "left"
    table.columns[0].min_width = BACKEND_COLUMN_WIDTH
    for row in benchmark["rows"]:
        table.add_row(
            row["backend"],
            f"{row['size']:,}",
            str(row["batch"]),
            _format_number(row["images_per_second"], "{:,.2f}"),
            _format_number(row["seconds_an_image"], "{:,.3f}"),
            _format_number(row["tflops_per_second"], "{:,.1f}" if (row["tflops_per_second"] or 0) >= 1 else "{:.3f}"),
            _format_number(row["peak_bytes"] and row["peak_bytes"] / 1e9, "{:,.1f}"),
            _format_number(row["idle_share"], "{:.1%}"),
            _format_number(row["to_diffusers"], "{:.2f}"),
        )
    return table


def show_parity(console: Console, record: Mapping[str, Any]) -> None:
    """Print whether a precision passed, and the measurements of each prompt."""
    subject = record["subject"]
    verdict = "passed" if record["passed"] else "did not pass"
    console.print(
        Text(
            f"{subject['precision']} {verdict} on {subject['device']}: {record['psnr']:.1f} dB on the mean, "
            f"{record['least_psnr']:.0f} are needed. Kept in {printable(record['kept_in'])}"
        )
    )
    names = ("image", "largest difference", "PSNR, dB")
    table = new_table(*names, right=names)
    for case in record["cases"]:
        table.add_row(case["shape"], str(case["max_abs_diff"]), f"{case['psnr']:.1f}")
    console.print(table)


def show_verification(console: Console, verification: Mapping[str, Any]) -> None:
    """Print the differences between an export's or engine's outputs and the model's, and the verdict."""
    table = new_table("graph", "latents", "captions", "largest difference", "PSNR")
    for case in verification["cases"]:
        difference = "no number" if case["max_abs_diff"] is None else f"{case['max_abs_diff']:.2e}"
        captions = " ".join(map(str, case["captions"]))
        table.add_row(case["graph"], "x".join(map(str, case["shape"])), captions, difference, f"{case['psnr']:.0f} dB")
    console.print(table)
    runtime = verification["runtime"]
    if verification["twin"]:
        runtime += f" (an {verification['twin']} twin of the {verification['precision']} graphs)"
    verdict = "is the same model" if verification["passed"] else "is NOT the same model"
    state = f" The store has it as {verification['state']}." if "state" in verification else ""
    console.print(f"By {runtime}, to {verification['tolerance']:g}: it {verdict}.{state}", soft_wrap=True)


def show_engines(console: Console, engines: Sequence[Mapping[str, Any]]) -> None:
    """Print the engines of a store, one per row."""
    if not engines:
        console.print("The store has no engines.")
        return
    table = new_table("engine", "state", "precision", "runs on", "sizes", "largest difference")
    for engine in engines:
        if "fault" in engine:
            continue
        facts, parity = engine["facts"], engine["parity"]
        runtime = f"TensorRT {facts['tensorrt']}, {facts['gpu']}" if facts["tensorrt"] else "ONNX Runtime"
        sizes = " ".join(f"{width}x{height}" for width, height in facts["sizes"]) or "any"
        worst = parity["max_abs_diff"] if parity else None
        difference = "not verified" if not parity else "no number" if worst is None else f"{worst:.2e}"
        name = f"{engine['model']}/{engine['version']}"
        table.add_row(*plain_texts(name, engine["state"], facts["precision"], runtime, sizes, difference))
    console.print(table)
    for fault in [engine["fault"] for engine in engines if "fault" in engine]:
        console.print(Text(printable(fault)), soft_wrap=True)


def _format_number(value: float | None, template: str) -> str:
    return UNKNOWN_VALUE if value is None else template.format(value)
