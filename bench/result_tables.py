"""Benchmark results as tables for a terminal.

Inputs: the document that `python -m bench --json` prints. Outputs: a line about the machine, and a table for each part.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.kept import kept_table
from bench.photos import photos_table
from flows.cli.views.engines import show_benchmark


def show_results(console: Console, results: Mapping[str, Any]) -> None:
    """Print all results."""
    machine = results["machine"]
    console.print(
        f"{machine['cores']} cores, Python {machine['python']}, {machine['system']}; load {machine['load']} at the"
        f" start; ten million additions took {machine['yardstick_seconds']} s of CPU"
    )
    for planning in results.get("plan", []):
        console.print(_planning(planning))
    if "overhead" in results:
        console.print(_overhead(results["overhead"]))
        console.print(_codecs(results["overhead"]))
    for name, to_table in (("gates", _gates), ("busy", _utilization), ("duplicates", _duplicates)):
        if name in results:
            console.print(to_table(results[name]))
    if "engine" in results:
        show_benchmark(console, results["engine"])
    products = ("photos", photos_table), ("cutout", _cutout), ("kept", kept_table), ("compositing", _compositing)
    plans = ("new-skus", _new_skus), ("titles", _blind_titles), ("growth", _growth)
    consoles = ("review", _review), ("answers", _answers), ("gallery", _gallery)
    for name, to_table in (*products, *plans, ("server", _server), ("ray", _ray), *consoles):
        if name in results:
            console.print(to_table(results[name]))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    return table


def _blind_titles(titles: Mapping[str, Any]) -> Table:
    agreement = f"{titles['agreement']:.1%} alike, Cohen's kappa {titles['kappa']:.2f}" if "kappa" in titles else "none"
    title = f"{titles['titles']} blind titles; two readers of {titles['read_twice']}: {agreement}"
    columns = ("policy", "brands known", "labels", "asked wrongly", "blocked wrongly", "precision", "recall")
    table = _table(title, *columns)
    for row in titles["gate"]:
        shares = (row["asked_wrongly"], row["blocked_wrongly"], row["precision"], row["recall"])
        table.add_row(row["policy"], row["shop"], row["reader"], *(f"{share:.1%}" for share in shares))
    return table


def _planning(planning: Mapping[str, Any]) -> Table:
    slots = planning["slots"]
    columns = (
        "run",
        "to make",
        "seconds",
        "CPU s",
        "µs a slot",
        "peak MB",
        "loop s",
        "loop CPU s",
        "loop MB",
        "CPU to loop's",
    )
    table = _table(f"Planning {planning['skus']:,} SKUs × 4 views: {slots:,} slots", *columns)
    for name, case in planning["cases"].items():
        ours, loop = case["packshot"], case["plain_loop"]
        table.add_row(
            name,
            f"{case['to_make']:,}",
            f"{ours['seconds']:.1f}",
            f"{ours['cpu_seconds']:.1f}",
            f"{ours['cpu_seconds'] / slots * 1e6:.1f}",
            f"{ours['peak_mb']:.0f}",
            f"{loop['seconds']:.1f}",
            f"{loop['cpu_seconds']:.1f}",
            f"{loop['peak_mb']:.0f}",
            f"{case['packshot_to_loop']['cpu_seconds']:.2f}",
        )
    return table


def _overhead(found: Mapping[str, Any]) -> Table:
    names = {
        "images": "images",
        "ms_an_image": "ms of CPU an image, outside engine and scanners",
        "codecs_ms_an_image": "… of it codecs and pixel digests",
        "ms_without_codecs": "… of it all else",
        "engine_ms_an_image": "engine (the stub's generation), apart",
        "scanners_ms_an_image": "scanners, apart",
        "plain_loop_ms_an_image": "a plain loop: prompt, generate, save as PNG",
    }
    table = _table("CPU an image, file://", "", "256 px", "1024 px")
    for name, words in names.items():
        table.add_row(words, *(f"{found[side][name]:,}" for side in ("256", "1024")))
    table.add_row("peak MB", *(f"{found[side]['packshot']['peak_mb']:.0f}" for side in ("256", "1024")))
    table.add_row("imports, CPU seconds a process, apart", f"{found['imports_cpu_seconds']}", "")
    table.add_row("Prefect's part, server and all, ms an image", f"{found['prefect']['more_ms_an_image']}", "")
    return table


def _codecs(found: Mapping[str, Any]) -> Table:
    table = _table("Codecs, ms of CPU a call", "", "256 px", "1024 px")
    for name in found["256"]["codecs_ms"]:
        table.add_row(name, *(f"{found[side]['codecs_ms'][name]:.2f}" for side in ("256", "1024")))
    return table


def _gates(found: Mapping[str, Any]) -> Table:
    sizes = found["sizes"]
    columns = [column for side in sizes for column in (f"{side} px, ms", "to decoding")]
    title = f"Gates: CPU of one core for one image, mean of {found['images']}; beside decoding its PNG"
    table = _table(title, "", *columns)
    for name in next(iter(sizes.values())):
        cells = [cell for steps in sizes.values() for cell in (steps[name]["ms"], steps[name]["to_baseline"])]
        table.add_row(name, *(f"{cell:.2f}" for cell in cells))
    for name, microseconds in found["others_us"].items():
        table.add_row(f"{name}, µs", f"{microseconds:.1f}", "", "", "")
    return table


def _utilization(found: Mapping[str, Any]) -> Table:
    title = f"Engine between its first and last image, {found['seconds_an_image']} s at {found['side']} px"
    table = _table(title, "", "images", "busy s", "first to last s", "busy share", "time to Packshot's", "peak MB")
    words = {"packshot": "Packshot", "plain_loop": "plain loop", "loop_with_checks": "plain loop with our checks"}
    for name, word in words.items():
        case = found[name]
        table.add_row(
            word,
            str(case["images"]),
            f"{case['busy_seconds']:.1f}",
            f"{case['first_to_last_seconds']:.1f}",
            f"{case['share']:.1%}",
            f"{case.get('seconds_an_image_to_packshot', 1.0):.2f}",
            f"{case['cost']['peak_mb']:.0f}",
        )
    return table


def _duplicates(found: Mapping[str, Any]) -> Table:
    table = _table(
        f"Duplicates: {found['new']:,} new codes of frame and product among {found['published']:,} published ones",
        "", "seconds", "CPU seconds", "peak MB", "of the plain loop", "recall",
    )  # fmt: skip
    cost = found["packshot"]
    table.add_row(
        "Packshot", f"{cost['seconds']:.1f}", f"{cost['cpu_seconds']:.1f}", f"{cost['peak_mb']:.0f}",
        f"{found['packshot_to_loop']:.2%}", f"{found['recall']:.2%}",
    )  # fmt: skip
    table.add_row("a plain loop, frames only", f"{found['plain_loop_seconds']:.0f}", "", "", "100 %", "")
    return table


def _server(found: Mapping[str, Any]) -> Table:
    table = _table("A first run through a Prefect server", "", "")
    table.add_row("images", f"{found['images']['attempts']:,}")
    table.add_row("shards' task runs submitted", f"{found['shard_task_runs']:,}")
    for name, count in found["recorded"].items():
        table.add_row(f"… recorded as {name}", f"{count:,}")
    table.add_row("client's peak MB", f"{found['peak_mb']:.0f}")
    table.add_row("seconds", f"{found['seconds']:.0f}")
    return table


def _compositing(found: Mapping[str, Any]) -> Table:
    title = f"{found['photos']} photos of {found['megapixels']:g} megapixels, placed on {found['side']} px"
    table = _table(title, "", "CPU s an image", "peak MB")
    for name, words in (("packshot", "Packshot, with shadow and proof"), ("plain_loop", "a plain loop, neither")):
        table.add_row(words, f"{found[name]['cpu_seconds_an_image']:.3f}", f"{found[name]['peak_mb']:.0f}")
    for step, milliseconds in found["steps_ms"].items():
        table.add_row(f"… {step}", f"{milliseconds / 1000:.3f}", "")
    few = found["few"]
    table.caption = f"after {few['photos']} photos the peak was {few['peak_mb']} MB"
    return table


def _new_skus(months: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("New SKUs shown within two hours, by max_hours", "refresh/new", "nightly", "in time", "burst done")
    for month in months:
        new, nightly = (f"{month[name]:g} h" if month[name] else "no limit" for name in ("new_hours", "nightly_hours"))
        nightly = nightly if month["nightly"] else "none"
        table.add_row(new, nightly, f"{100 * month['in_time']:.1f} %", f"{month['burst_hours']:.1f} h")
    return table


def _ray(found: Mapping[str, Any]) -> Table:
    title = f"{found['images']} images of {found['side']} px on engines that take {found['seconds_an_image']} s each"
    table = _table(title, "engines", "seconds", "images/s", "ratio to one on Ray", "busy share")
    cases = {
        "1, in this process": found["inline"],
        **{f"{count}, on Ray": found["engines"][count] for count in found["engines"]},
    }
    for name, case in cases.items():
        ratio = f"{case['ratio']:.2f}" if "ratio" in case else ""
        table.add_row(
            name, f"{case['seconds']:.1f}", f"{case['images_a_second']:.2f}", ratio, f"{case['busy_share']:.1%}"
        )
    return table


def _gallery(found: Mapping[str, Any]) -> Table:
    title = f"Gallery of {found['images']:,} images; the server's peak is {found['peak_mb']:,} MB"
    table = _table(title, "page", "seconds", "CPU s")
    for page, cost in found["pages"].items():
        table.add_row(page, f"{cost['seconds']:.2f}", f"{cost['cpu_seconds']:.2f}")
    return table


def _cutout(found: Mapping[str, Any]) -> Table:
    gated = found["gated"]
    title = f"{found['photos']} drawn photos of {found['side']} px with exact masks"
    table = _table(title, "cutter, ground", "photos", "IoU mean", "worst", "", "outline F", "SAD, k")
    rows = [(f"{row['cutter']}, {row['ground']}", row) for row in found["cutters"]]
    rows += [("gated, all", gated["all"]), ("gated, passed", gated["passed"])]
    for name, row in rows:
        if row:
            figures = (row["iou_mean"], row["iou_min"], row["worst"], row["boundary"], row["sad"])
            table.add_row(name, str(row["photos"]), *map(str, figures))
    decisions = "; ".join(
        f"{ground} {', '.join(f'{count} {decision}' for decision, count in counts.items() if count)}"
        for ground, counts in gated["decisions"].items()
    )
    seconds = ", ".join(f"{name} {cost:g}" for name, cost in found["seconds"].items())
    table.caption = (
        f"Passed wrongly: {gated['passed_wrongly']}; plain grounds not passed: {gated['plain_not_passed']:.1%}\n"
        f"{decisions}\nCPU s a photo of 1024 px: {seconds}"
    )
    return table


def _growth(found: Mapping[str, Any]) -> Table:
    month = found["month"]
    table = Table(
        title=f"Requests to S3, {found['latency_ms']:g} ms each; a month of the schedule: ${month['dollars']}"
    )
    for name in ("what", "requests", "seconds", "by kind"):
        table.add_column(name)
    rows = [(f"idle run after {commits} commits", cost) for commits, cost in found["idle"].items()]
    named = (("a run of one new SKU", "publish_1"), ("a run of 20 new SKUs", "publish_20"), ("sweep", "sweep"))
    rows += [(what, found[name]) for what, name in named]
    for what, cost in rows:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(cost["requests"].items()))
        table.add_row(what, str(cost["total"]), f"{cost['seconds']:.1f}", kinds)
    return table


def _review(found: Mapping[str, Any]) -> Table:
    title = f"A console with {found['items']:,} items of {found['runs']:,} runs in {found['files']} files"
    table = _table(title, "", "on a disk", "on S3, 25 ms a request")
    names = {
        "first_page": "first page, s", "first_page_cpu": "its CPU, s", "next_picture": "next picture, s",
        "slowest_picture": "the slowest, s", "answer": "an answer, s", "peak_mb": "memory, MB",
    }  # fmt: skip
    for name, words in names.items():
        table.add_row(words, *(f"{found[place][name]:g}" for place in ("disk", "s3")))
    requests = ", ".join(f"{kind} {count}" for kind, count in found["s3"]["requests"].items())
    ratios = ", ".join(f"{name} {ratio:g}" for name, ratio in found["disk"]["to_loop"].items())
    table.caption = f"S3: {requests}. To a plain loop that reads the index ({found['loop_seconds']} s): {ratios}"
    return table


def _answers(found: Mapping[str, Any]) -> Table:
    archive, snapshot = found["archive"], found["snapshot"]
    title = (
        f"{found['answers']:,} answers: an archive of {archive['files']} files and {archive['bytes'] / 1e6:,.0f} MB,"
        f" a snapshot of {snapshot['answers']:,} in {snapshot['bytes'] / 1e6:.1f} MB"
    )
    table = _table(title, "what is read", "requests", "seconds")
    for what, cost in found["readers"].items():
        table.add_row(what, str(cost["requests"]), f"{cost['seconds']:.2f}")
    return table
