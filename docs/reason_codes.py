"""The reference page of reason codes: those of the built-in rules, and those that the code itself writes.

Codes of rules are read from the built-in policy and the built-in channels. Codes in the code are found in its syntax
trees (second argument of `Verdict`, and the constants named below); each needs a meaning here, or the page fails.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from markdown_tables import code, table

import catalogs
import tasks
from catalogs.answers import answer_verdicts, refusal_reasons, taken_back
from catalogs.photos import kept_judgement, kept_request, mask_rules, photo_faults
from catalogs.photos.photo_rules import built_in_photo_rules
from catalogs.planning import caption_length, resolved_photos, schedule
from catalogs.policy import channels, review_expiry
from catalogs.policy.brands import brand_decisions
from catalogs.policy.scene_rules import built_in_scene_rules
from catalogs.policy.schema import SCORE_SCANNERS, built_in_policy
from catalogs.runs import held_selection, manifest_diff
from catalogs.stages.stage_rules import built_in_stage_rules
from catalogs.thresholds import Thresholds
from infra.composing import composer
from infra.interfaces import KEPT_REGION_TOO_THIN, NO_VAE_ENCODER
from infra.photos.invalid_photo import PHOTO_REASONS
from tasks.amendments import takedowns
from tasks.pipeline import decide, generate
from tasks.runs import budget_meter
from tasks.stages import stage_changes

PHOTO_MEANINGS = {
    "photo.animated": "the photo has several frames or pages",
    "photo.missing": "the row names a photo that is not there, or none for this view",
    "photo.not-fetched": "the photo's server gave an answer that is not taken",
    "photo.polyglot": "the photo's file is something else beside a picture",
    "photo.reference": "the row's text names no place that a photo may come from",
    "photo.too-large": "the photo has more pixels than are read",
    "photo.too-many-bytes": "the photo's file is larger than what is read",
    "photo.too-small": "the photo, or the product in it, has too few pixels: nothing is enlarged",
    "photo.unreachable": "the photo's server failed; it may do better tomorrow",
    "photo.unreadable": "the photo's file is damaged",
    "photo.wrong-format": "the photo's file is of a kind that is not read",
}
"""What is wrong with a photo before it is judged; each blocks its slot until the row or the photo changes."""
MEANINGS = {
    "brand.other": "the prompt names a brand, not as what the goods fit, that is neither the row's own `brand` nor, in"
    " a row without one, sold by the shop; judged for each slot",
    "brand.imitation": "words such as `replica` or `inspired by` stand beside a brand; judged for each slot",
    "language.unexpected": "the prompt is in a script or language that the recipe's `languages` does not name",
    "classifier.*": "your text classifier's score for that label is past the policy's threshold",
    "score-missing.*": "a rule needs this score, and it is absent, NaN or infinite: REVIEW",
    "kept.broken": "the product in the image is not shown to be the photo's, or its ground not to be the stage's: a"
    " pixel of its core or ground differs, or photo, mask, stage or document are others; BLOCK, and no person can"
    " accept it",
    "kept.jpeg-loss": "the finished JPEG differs from the kept product by more than 5 levels in the mean, or by more"
    " than 12 in a hundredth of its pixels: BLOCK; raise the finish's `quality`",
    "scanner-failed.kept": "the proof of a kept product could not be made again, since its document, photo, mask or"
    " stage is lost or cannot be read: REVIEW, made again the next night; no person can accept it",
    "mask.one-cutter": "one cutter alone made the mask: the photo rules' `alone`",
    "mask.empty": "the mask has no solid pixel: no product was found; the slot is blocked until the photo changes",
    "mask.faint-surroundings": "what is faint around the product does not fit on the canvas; likewise",
    "photo.lost": "the store does not hold the photo's bytes any more, or holds others; `failed`, and fetched anew",
    "stage.lost": "the store does not hold the stage's picture any more, or holds another one under its name; `failed`,"
    " and tried again",
    "stage.missing": "no approved stage of the rule's library is there for the row's category and size; the slot is"
    " blocked until there is one",
    "stage.too-small": "the stage has fewer pixels than the image, and none is enlarged; the slot is blocked until"
    " another stage or size is asked for",
    "core.empty": "no pixel of the placed product is opaque, so nothing could be proven; the slot is blocked",
    "core.*": "the cut-out's opaque pixels are not the photo's; the slot is `failed`, and tried again",
    "cutter-changed": "a machine has another version of a cutter than the plan; the slot is `failed`, and tried again",
    "cutter-failed": "a cutter could not be opened or run; the slot is `failed`, and tried again",
    "kept-mode": "the image is to be kept in a mode that this version does not make; the slot is `failed`",
    **PHOTO_MEANINGS,
    "score-missing.classifier.*": "the classifier gave no score for a label that the policy judges: REVIEW",
    "scanner-missing.*": "a required scanner is not installed: REVIEW, measured again as soon as it is",
    "scanner-failed.*": "a required scanner raised an error or ran out of time: REVIEW, measured again the next night",
    "views-differ": "two views of one SKU differ in hue or in size: REVIEW",
    "view-not-distinct": "two views of one SKU show the same image: another seed, else BLOCK",
    "duplicate-exact": "the same pixels as another SKU's image (another request): the policy's `exact_other_sku`",
    "duplicate-near": "within `near_bits` of another SKU's image: another seed, else BLOCK",
    "duplicate-maybe": "within `review_bits` of another SKU's image: REVIEW",
    "words.*": "the prompt holds a term of that list or category",
    "engine-failed": "the engine could not make this image; the slot is `failed`, and tried again",
    "caption-too-long": "the prompt has more tokens than the model reads; where the plan can count, it rejects the row",
    "no-vae-encoder": "the model has no VAE encoder, so no scene can be made; the slot is `failed`, and tried again",
    "kept-region-too-thin": "the placed product is too thin for a scene; the slot is `failed`, and tried again",
    "set-aside": "engine after engine died with this request in hand; the slot is `failed`, and tried again",
    "not-made": "there is no attempt and nothing else is known of the request; `deferred`",
    "review-expired": "no answer within `review_days`: the slot counts as blocked; more days open the question again",
    "rolled-back": "a rollback took the image away; the slot is `withdrawn`",
    "taken-by-policy": "an applied policy took the image away; its own reasons are no longer stored",
    "not-released": "a person let its held batch go without this image; the slot waits for an answer",
    "over-budget": "planned, but `--max-cost` does not reach that far; `deferred`",
    "out-of-time": "planned, but `--max-hours` does not reach that far; `deferred`",
    "past-deadline": "a deadline that is still ahead cannot be kept; `deferred`",
    "budget-used-up": "making took longer than planned and the budget was used up; `deferred`",
    "time-used-up": "making took longer than planned and the hours were used up; `deferred`",
    **{f"person.{code}": f"a person refused it: {text}" for code, text in refusal_reasons.REFUSAL_REASONS.items()},
    "person.another-attempt": "a person asked for another attempt in the place of this image",
    "person-undone": "a person took an acceptance back, and the gates' own reasons are not known",
    "person-refused-before": "it passes, and a person refused the same image in another finish: REVIEW",
    "people-differ": "people gave different answers: REVIEW until they agree, or one of them ends it",
    "needs-a-person": "the channel asks for a person's approval: `packshot approve`",
    "no-mark": "the file does not carry the mark of what made it: a trained model (IPTC), or a kept product's mode",
    "photo.missing": "the row names photos, and none of them is for this view: it is not generated from the title",
    "photo.not-read": "a dry run has not read this photo, since it writes nothing; a refresh reads it",
    "stage.known": "a library has a stage of that name, or of those very pixels, already; the scene is not added again",
    "wrong-format": "the channel does not take this file format",
    "not-stored": "the records that the channel would be judged from were swept",
    "not-measured.*": "the channel asks for a score that no scanner measured",
}
CONSTANTS = (
    brand_decisions.OTHER_BRAND, brand_decisions.IMITATED_BRAND,
    held_selection.NOT_RELEASED,
    review_expiry.REVIEW_EXPIRED, manifest_diff.ROLLBACK_REASON, decide.NOT_MADE,
    generate.SET_ASIDE, budget_meter.BUDGET_USED_UP, budget_meter.TIME_USED_UP, *schedule.DEFERRAL_REASONS,
    channels.NEEDS_APPROVAL, channels.NO_PROVENANCE_MARK, channels.WRONG_FORMAT, channels.SCORES_NOT_STORED,
    takedowns.TAKEN_BY_POLICY, caption_length.CAPTION_TOO_LONG, "engine-failed", "words.*", "not-measured.*",
    NO_VAE_ENCODER, KEPT_REGION_TOO_THIN,
    kept_judgement.BROKEN, kept_judgement.UNPROVEN, kept_judgement.JPEG_LOSS, mask_rules.ONE_CUTTER,
    photo_faults.PHOTO_LOST, photo_faults.CORE_EMPTY, photo_faults.STAGE_LOST, photo_faults.STAGE_TOO_SMALL,
    "core.*", "mask.empty", "mask.faint-surroundings",
    composer.CUTTER_CHANGED, composer.CUTTER_FAILED, composer.MODE_UNKNOWN, *PHOTO_REASONS,
    stage_changes.STAGE_KNOWN, "duplicate-exact", *(f"person.{code}" for code in refusal_reasons.REFUSAL_REASONS),
    kept_request.STAGE_MISSING, resolved_photos.PHOTO_MISSING, resolved_photos.PHOTO_NOT_READ,
    answer_verdicts.PEOPLE_DIFFER, answer_verdicts.REFUSED_BEFORE, answer_verdicts.ANOTHER_ATTEMPT, taken_back.UNDONE,
)  # fmt: skip
"""Codes that no literal of a `Verdict` holds."""
LIMITS = ("block_below", "review_below", "review_above", "block_above")


def page() -> str:
    """Return the page of all reason codes."""
    policy = built_in_policy()
    rules = [
        (code(rule.reason), code(rule.score), SCORE_SCANNERS[rule.score] or "always measured", _limits(rule),
         "yes" if rule.again else "", rule.source)
        for rule in policy.image
    ]  # fmt: skip
    words = [(code(f"words.{name}"), category.verdict) for name, category in sorted(policy.words.categories.items())]
    asked = [
        (code(f"{name}:{rule.reason}"), code(rule.score), f"{rule.source} ({rule.seen})")
        for name, channel in channels.built_in_channels().items()
        for rule in channel.rules
    ]
    unjudged = built_in_scene_rules().not_judged
    return "\n\n".join(
        [
            "# Reason codes",
            "Every verdict other than PASS, every deferral and every refusal carries short, stable codes. They stand in"
            " `reasons` of the manifest's `outcomes`, in the review index, in `report.json` (`reasons`, counted) and in"
            " `channel_reasons`. A part after a dot names the list, scanner or score that is meant.",
            "## Written by the code",
            table(("code", "meaning"), [(code(name), MEANINGS[name]) for name in sorted(codes_in_code())]),
            "## Image rules of the built-in policy",
            "`reason` is yours to choose in a policy of your own. Another seed: a BLOCK is worth another attempt.",
            table(("code", "score", "scanner", "thresholds", "another seed", "where the thresholds come from"), rules),
            "## What does not judge a product on a stage",
            "No rule on these scores judges an image whose product stands on a stage. A policy adds others as"
            " `scenes:`, and takes one out with null.",
            table(("score", "why"), [(code(name), why or "") for name, why in unjudged.items()]),
            "## Photo rules of the built-in policy",
            "They judge photos and masks of images that keep a photo's product. A policy replaces all of them by"
            " `photos:`.",
            table(("code", "score", "thresholds", "where the thresholds come from"), _photo_rules()),
            "## Stage rules",
            "They judge empty scenes before a person does ([stages](../guides/stages.md)); no slot has them.",
            table(("code", "score", "thresholds", "where the thresholds come from"), _stage_rules()),
            "## Word lists of the built-in policy",
            table(("code", "verdict"), words),
            "## Channels",
            "In `channel_reasons`, as `channel:code`. They stop no publication: they say where an image may not be"
            " used.",
            table(("code", "judged by", "who says so, and when somebody last looked"), asked),
        ]
    )


def _photo_rules() -> list[tuple[str, ...]]:
    rules = built_in_photo_rules()
    return [(code(rule.reason), code(rule.score), _limits(rule), rule.source) for rule in (*rules.mask, *rules.photo)]


def _stage_rules() -> list[tuple[str, ...]]:
    return [(code(rule.reason), code(rule.score), _limits(rule), rule.source) for rule in built_in_stage_rules().scene]


def _limits(rule: Thresholds) -> str:
    values = ((name.replace("_", " "), getattr(rule, name)) for name in LIMITS)
    return ", ".join(f"{name} {value:g}" for name, value in values if value is not None)


def codes_in_code() -> set[str]:
    """Return every code that the code writes, with `*` for what is filled in. Raises where one has no meaning here."""
    found = set(CONSTANTS)
    for package in (catalogs, tasks):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            found |= {name for name in _literals(ast.parse(path.read_text("utf-8"))) if name}
    missing = sorted(found - MEANINGS.keys())
    unused = sorted(MEANINGS.keys() - found)
    if missing or unused:
        raise ValueError(f"docs/reason_codes.py: without a meaning: {missing}; in no code: {unused}")
    return found


def _literals(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Verdict" and len(node.args) > 1:
            for one in ast.walk(node.args[1]):
                if isinstance(one, ast.JoinedStr):
                    parts = [str(part.value) if isinstance(part, ast.Constant) else "*" for part in one.values]
                    yield "".join(parts)  # such as scanner-failed.*
            if isinstance(node.args[1], ast.Tuple):
                for element in node.args[1].elts:
                    if isinstance(element, ast.Constant):
                        yield str(element.value)
