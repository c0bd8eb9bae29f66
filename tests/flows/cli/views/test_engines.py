"""Tables of engines: figures where there are some, dashes and reasons where not."""

import io
from typing import Any

from rich.console import Console

from flows.cli.views.engines import show_benchmark, show_engines, show_parity, show_verification

MACHINE = {"device": "NVIDIA H200", "versions": {"torch": "2.13.0"}, "date": "2026-11-23"}
MEASURED = {
    "backend": "graphs", "size": 1024, "batch": 4, "reason": "", "images": 12, "images_per_second": 1.2519,
    "seconds_an_image": 0.79879, "tflops_per_second": 575.04, "peak_bytes": 31_250_000_000, "idle_share": 0.0123,
    "to_diffusers": 1.1049,
}  # fmt: skip
MISSING = {
    **dict.fromkeys(MEASURED, None),
    "backend": "fp8", "size": 512, "batch": 1, "reason": "No [red]8-bit\x1b[31m floats."
}  # fmt: skip


def console() -> Console:
    return Console(file=io.StringIO(), width=160)


def said(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_a_bench_shows_its_figures_and_its_reasons() -> None:
    screen = console()
    rows: list[Any] = [MEASURED, MISSING]
    show_benchmark(screen, {"machine": MACHINE, "model": "m", "precision": "bf16", "steps": 8, "rows": rows})
    lines = said(screen).splitlines()
    assert lines[0] == "m on NVIDIA H200, torch 2.13.0, 2026-11-23"
    assert next(line for line in lines if line.startswith("graphs")).split() == [
        "graphs", "1,024", "4", "1.25", "0.799", "575.0", "31.2", "1.2%", "1.10",
    ]  # fmt: skip
    assert next(line for line in lines if line.startswith("fp8 ")).split()[3:] == ["–"] * 6
    assert lines[-1].startswith("fp8: No [red]8-bit")
    assert "\x1b" not in lines[-1]


def test_a_parity_record_shows_its_verdict_and_every_prompt() -> None:
    screen = console()
    subject = {"precision": "fp8", "device": "NVIDIA H200"}
    cases = [{"shape": "64x64", "max_abs_diff": 77, "psnr": 19.04}]
    show_parity(
        screen,
        {"subject": subject, "passed": False, "psnr": 19.04, "least_psnr": 20.0, "cases": cases, "kept_in": "folder"},
    )
    assert "fp8 did not pass on NVIDIA H200: 19.0 dB on the mean, 20 are needed. Kept in folder" in said(screen)
    assert "77" in said(screen)


def test_a_verification_says_by_what_and_how_near() -> None:
    case = {"graph": "transformer", "shape": [1, 16, 8, 8], "captions": [4, 7], "max_abs_diff": 0.00123, "psnr": 61.4}
    found = {"cases": [case], "runtime": "onnxruntime", "twin": "fp32", "precision": "fp16", "tolerance": 0.01}
    screen = console()
    show_verification(screen, found | {"passed": True, "state": "verified"})
    text = " ".join(said(screen).split())
    assert "transformer 1x16x8x8 4 7 1.23e-03 61 dB" in text
    assert "By onnxruntime (an fp32 twin of the fp16 graphs), to 0.01: it is the same model." in text
    assert text.endswith("The store has it as verified.")
    screen = console()
    show_verification(screen, found | {"passed": False, "twin": None, "cases": [case | {"max_abs_diff": None}]})
    assert "no number" in said(screen)
    assert "it is NOT the same model." in said(screen)


def test_the_engines_of_a_store_are_one_a_row() -> None:
    facts = {"tensorrt": "10.1", "gpu": "[red]L4", "precision": "bf16", "sizes": [[1024, 1024]]}
    engines: list[dict[str, Any]] = [
        {"model": "turbo", "version": 3, "state": "verified", "facts": facts, "parity": {"max_abs_diff": 0.5}},
        {
            "model": "turbo",
            "version": 4,
            "state": "built",
            "facts": facts | {"tensorrt": "", "sizes": []},
            "parity": None,
        },
    ]
    screen = console()
    show_engines(screen, engines)
    text = " ".join(said(screen).split())
    assert "turbo/3 verified bf16 TensorRT 10.1, [red]L4 1024x1024 5.00e-01" in text
    assert "turbo/4 built bf16 ONNX Runtime any not verified" in text
    screen = console()
    fault = {"model": "turbo", "version": 5, "state": "unreadable", "fault": "No [red]card\x1b[m."}
    show_engines(screen, [*engines, fault])
    assert said(screen).splitlines()[-1] == "No [red]card\\x1b[m."
    screen = console()
    show_engines(screen, [])
    assert said(screen) == "The store has no engines.\n"
