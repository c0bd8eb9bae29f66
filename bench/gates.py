"""Gate costs: CPU milliseconds of one core for one image, gate by gate.

Inputs: the number of images and their sizes. Outputs: milliseconds for each step, and the ratio to the same run's
baseline: decoding the staged PNG, which every gate needs. Such ratios hold from one machine to another better than
milliseconds do.
Every scanner that screening runs is timed where it runs, inside `measure`; the steps of `pixels` are timed again by
themselves. The prompt gate and the policy are reported for each prompt and each decision.
"""

import time
from collections.abc import Callable
from typing import Any

import cv2

from bench.process_cost import run_in_process

BASELINE = "decode PNG"
TOTAL = "all of it, a picture"
CODEC_STEPS = ("decode JPEG", "decode PNG", "finish as JPEG")
PIXEL_STEPS = ("… black, blur, noise", "… foreground", "… composition", "… background")
SIZES = (256, 1024)


def measure_gates(images: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Time every gate on `images` cards of 256 and of 1024 px, each size in a process of its own."""
    results: dict[str, Any] = {"images": images, "sizes": {}}
    for side in SIZES:
        progress(f"{images} images of {side} px through the gates")
        steps = run_in_process(time_gates, images, side)[0]
        results["sizes"][str(side)] = {
            name: {"ms": round(milliseconds, 3), "to_baseline": round(milliseconds / steps[BASELINE], 2)}
            for name, milliseconds in steps.items()
        }
    progress("prompts and decisions")
    results["others_us"] = {name: round(us, 1) for name, us in run_in_process(time_decisions, 20 * images)[0].items()}
    return results


class _CpuStopwatch:
    """Sums this thread's CPU seconds by name."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[..., Any], *arguments: Any) -> Any:
        began = time.thread_time()
        try:
            return work(*arguments)
        finally:
            self.spent[name] = self.spent.get(name, 0.0) + time.thread_time() - began


def time_gates(images: int, side: int) -> dict[str, float]:
    """Return milliseconds for each image by step, in the order of the table."""
    from infra.imaging.codecs import decode, encode_png
    from infra.imaging.finishing import finish
    from infra.interfaces import FinishParameters, ScreeningRequest
    from infra.screening.measure import BUILTIN_SCANNERS, measure
    from infra.stores import open_store

    cv2.setNumThreads(1)
    store, watch = open_store(f"memory://gates-{side}"), _CpuStopwatch()

    def timed(name: str) -> Callable[[Any], Any]:
        return lambda pair: watch(f"scanner {name}", BUILTIN_SCANNERS[name], pair)

    scanners = {name: timed(name) for name in BUILTIN_SCANNERS}
    for number in range(images + 1):
        if number == 1:
            watch.spent.clear()  # the first image includes tables and profiles that are made once
        key, data = str(number), encode_png(_stub_image(number, side))
        store.write(f"staging/{key}.png", data)
        request = ScreeningRequest(
            key,
            store.url,
            f"staging/{key}.png",
            f"staging/{key}.jpg",
            f"scores/{key}",
            FinishParameters(whiten=True),
            tuple(BUILTIN_SCANNERS),
        )
        answer = watch(TOTAL, measure, request, store, scanners)
        assert not answer.errors, answer.errors
        pixels = watch("decode PNG", decode, data)
        finished = watch("decode JPEG", decode, watch("finish as JPEG", finish, pixels, FinishParameters(whiten=True)))
        _time_pixel_steps(watch, pixels, finished)
        store.delete([request.raw_key, request.finished_key, request.scores_key])
    scans = [f"scanner {name}" for name in BUILTIN_SCANNERS]
    after = scans.index("scanner pixels") + 1
    step_names = [*CODEC_STEPS, *scans[:after], *PIXEL_STEPS, *scans[after:], TOTAL]
    return {name: watch.spent[name] / images * 1000 for name in step_names}


def _time_pixel_steps(stopwatch: _CpuStopwatch, pixels: Any, finished: Any) -> None:
    from infra.imaging.metrics.background import measure_background
    from infra.imaging.metrics.composition import measure_composition
    from infra.imaging.metrics.foreground import find_foreground
    from infra.imaging.metrics.pixels import measure_pixels

    before = sum(stopwatch.spent.get(name, 0.0) for name in PIXEL_STEPS[1:3])
    foreground = stopwatch(PIXEL_STEPS[1], find_foreground, pixels)
    stopwatch(PIXEL_STEPS[2], measure_composition, foreground)
    parts = sum(stopwatch.spent[name] for name in PIXEL_STEPS[1:3]) - before
    stopwatch(PIXEL_STEPS[0], measure_pixels, pixels)
    stopwatch.spent[PIXEL_STEPS[0]] -= parts
    stopwatch(PIXEL_STEPS[3], measure_background, finished)


def time_decisions(rounds: int) -> dict[str, float]:
    """Return microseconds for each prompt, and for each decision from stored scores."""
    from catalogs.policy.decisions import decide_image
    from catalogs.policy.schema import built_in_policy
    from infra.imaging.metrics.background import measure_background
    from infra.imaging.metrics.pixels import measure_pixels
    from infra.scanners.blocklist import WordScanner

    policy, watch = built_in_policy(), _CpuStopwatch()
    scanner, card = WordScanner(policy.words.terms_by_category, policy.words.allow), _stub_image(1, 256)
    scores = {**measure_pixels(card), **measure_background(card), "file.bytes": 9000.0, "aspect.off": 0.0}
    scanner_versions = dict.fromkeys(policy.required, "1")
    for number in range(rounds):
        prompt = f"Studio product photograph of Mug No. {number}, teal, made of stoneware, on a pure white background"
        watch("words of a prompt", scanner.scan, prompt)
        watch("decision on a picture", decide_image, scores, scanner_versions, {}, policy, "mugs")
    return {name: seconds / rounds * 1e6 for name, seconds in watch.spent.items()}


def _stub_image(number: int, side: int) -> Any:
    from infra.engines.stub.stub_backend import PRODUCT_WORDS, StubBackend
    from infra.interfaces import Frame, Prompt

    product = sorted(PRODUCT_WORDS)[number % len(PRODUCT_WORDS)]
    (frame,) = StubBackend().generate_batch([Prompt(str(number), f"a {product}", number, side, side)])
    assert isinstance(frame, Frame)
    return frame.pixels
