"""A whole run: from a spec to a published artifact."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import transformers
from transformers.utils.logging import disable_progress_bar

from valence_trainer import __version__
from valence_trainer.artifact import ArtifactWriter, Manifest, find_finished, manifest_digest
from valence_trainer.checkpoint import CheckpointStore, remove_checkpoint
from valence_trainer.compute import Compute, choose_compute
from valence_trainer.dataset import Dataset, Example, load_evaluation_data, load_training_data
from valence_trainer.errors import EXIT_INVALID, Failure
from valence_trainer.interruption import Interruption
from valence_trainer.model import ATTENTION, LoadedModel, fetch_checkpoint, load_base, load_finished, save_checkpoint
from valence_trainer.onnx_export import check_exportable, export_onnx
from valence_trainer.parity import parity_texts
from valence_trainer.prediction import Logits, measure, predict, softmax
from valence_trainer.progress import Progress
from valence_trainer.quantization import quantize
from valence_trainer.sentences import SAMPLE_SENTENCES
from valence_trainer.spec import Import, Spec, Train
from valence_trainer.training import TrainingRows, train
from valence_trainer.verification import verify_export

log = logging.getLogger(__name__)

SAMPLES = 10
DISTRIBUTION_BINS = 10


@dataclass(frozen=True)
class Result:
    digest: str
    metrics: dict[str, Any]


@dataclass
class _Built:
    """What a source becomes before it is exported."""

    loaded: LoadedModel
    dataset: Dataset | None
    compute: Compute
    metrics: dict[str, Any] = field(default_factory=dict)
    evaluation_logits: Logits | None = None


def run(spec: Spec, out: Path, progress: Progress, interruption: Interruption) -> Result:
    try:
        return _run(spec, out, progress, interruption)
    except Failure as failure:
        if failure.exit_code == EXIT_INVALID:
            # There is no next attempt to resume it.
            remove_checkpoint(out, spec.version)
        raise


def _run(spec: Spec, out: Path, progress: Progress, interruption: Interruption) -> Result:
    _check_out(out)
    finished = find_finished(out, spec)
    if finished is not None:
        log.info("%s is there already, whole and of the same inputs", out / spec.version)
        remove_checkpoint(out, spec.version)
        return _finish(finished, manifest_digest(out / spec.version), progress)

    disable_progress_bar()
    built = (
        _train(spec, spec.source, out, progress, interruption) if isinstance(spec.source, Train) else _import(spec, spec.source)
    )
    progress.enter("Evaluating")
    _evaluate(built, spec)
    # Parity is with the CPU's fp32 arithmetic, which is what serves.
    built.loaded.model.to("cpu").eval()
    with ArtifactWriter(out, spec.version) as artifact:
        progress.enter("Exporting")
        _write_files(artifact, built, spec)
        progress.enter("Publishing")
        manifest = _manifest(spec, built)
        digest = artifact.publish(manifest)
    remove_checkpoint(out, spec.version)
    return _finish(manifest, digest, progress)


def _train(spec: Spec, source: Train, out: Path, progress: Progress, interruption: Interruption) -> _Built:
    parameters = source.hyperparameters
    dataset = load_training_data(source.dataset, spec.labels, parameters.holdout_ratio, spec.evaluation)
    log.info("%d rows to train on, %d to evaluate", len(dataset.train), len(dataset.evaluation))
    checkpoint = fetch_checkpoint("source.train.baseModel", source.base_model)
    compute = choose_compute(parameters.precision)
    log.info("training on %s in %s with %d threads", compute.name, compute.precision, compute.threads)
    is_given = "maxLength" in spec.given["source"]["train"].get("hyperparameters", {})
    loaded = load_base(checkpoint, spec.labels, parameters, is_given)
    check_exportable(loaded.model)
    _check_token_types(loaded, [dataset.train[0].text])
    rows = TrainingRows(
        ids=loaded.tokenizer.encode([example.text for example in dataset.train]),
        labels=[example.label for example in dataset.train],
    )
    # Bit-identical weights need all of this to be the same.
    checkpoints = CheckpointStore(
        out,
        spec.version,
        {
            "spec": spec.identity,
            "dataset": dataset.digest,
            "base": checkpoint.digest,
            "device": compute.name,
            "precision": compute.precision,
            "trainer": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    )
    progress.enter("Training")
    report = train(loaded.model, rows, loaded.tokenizer.pad_id, parameters, compute, checkpoints, progress, interruption)
    log.info("trained in %.1f s, %.1f rows a second", report.seconds, report.samples_per_second)
    metrics = {"trainRows": len(dataset.train), "seconds": report.seconds, "samplesPerSecond": report.samples_per_second}
    return _Built(loaded, dataset, compute, metrics)


def _import(spec: Spec, source: Import) -> _Built:
    dataset = load_evaluation_data(spec.evaluation, spec.labels) if spec.evaluation else None
    checkpoint = fetch_checkpoint("source.import", source.source)
    compute = choose_compute("fp32")
    loaded = load_finished(checkpoint, spec.labels, source.max_length)
    check_exportable(loaded.model)
    _check_token_types(loaded, [SAMPLE_SENTENCES[0]])
    return _Built(loaded, dataset, compute)


def _check_token_types(loaded: LoadedModel, texts: list[str]) -> None:
    if loaded.tokenizer.uses_token_types(texts):
        raise Failure(
            "ModelInvalid",
            f"{loaded.checkpoint.field}.uri: {loaded.checkpoint.uri}: its tokenizer gives a single text other "
            "token types than 0, which is not supported",
        )


def _evaluate(built: _Built, spec: Spec) -> None:
    if built.dataset is None:
        return
    examples = built.dataset.evaluation
    tokenizer = built.loaded.tokenizer
    ids = tokenizer.encode([example.text for example in examples])
    if built.compute.device.type == "cuda":
        built.loaded.model.to(built.compute.device)
    logits = predict(built.loaded.model, ids, tokenizer.pad_id, len(spec.labels))
    quality = measure(logits, [example.label for example in examples])
    built.evaluation_logits = logits
    built.metrics |= {
        "accuracy": quality.accuracy,
        "macroF1": quality.macro_f1,
        "loss": quality.loss,
        "evaluationRows": len(examples),
    }
    log.info("accuracy %.4f, macro F1 %.4f on %d rows", quality.accuracy, quality.macro_f1, len(examples))


def _write_files(artifact: ArtifactWriter, built: _Built, spec: Spec) -> None:
    loaded, directory = built.loaded, artifact.directory
    evaluation = built.dataset.evaluation if built.dataset else []
    save_checkpoint(loaded, directory / "checkpoint")
    loaded.tokenizer.save(directory)
    loaded.model.config.save_pretrained(directory)
    export_onnx(loaded.model, directory / "model.fp32.onnx")
    quantize(directory / "model.fp32.onnx", directory / "model.int8.onnx")

    texts = parity_texts([example.text for example in evaluation], loaded.max_length)
    ids = loaded.tokenizer.encode(texts)
    # One by one, as a server answers a single caller.
    logits = predict(loaded.model, ids, loaded.tokenizer.pad_id, len(spec.labels), one_by_one=True)
    verify_export(directory, ids, logits, loaded.tokenizer.pad_id, built.compute.threads)
    artifact.write_lines(
        "parity.jsonl",
        [
            {"text": text, "ids": row, "logits": [float(value) for value in values]}
            for text, row, values in zip(texts, ids, logits, strict=True)
        ],
    )
    if evaluation:
        artifact.write_lines("evaluation.jsonl", [_evaluation_row(example, spec.labels) for example in evaluation])


def _evaluation_row(example: Example, labels: Sequence[str]) -> dict[str, str]:
    return {"id": example.id, "text": example.text, "label": labels[example.label]}


def _manifest(spec: Spec, built: _Built) -> Manifest:
    checkpoint, dataset = built.loaded.checkpoint, built.dataset
    manifest: Manifest = {
        "schemaVersion": 1,
        "version": spec.version,
        "labels": list(spec.labels),
        "maxLength": built.loaded.max_length,
        "files": {},
        "inputs": spec.given,
        "base": {"uri": checkpoint.uri, **_revision(checkpoint.revision), "digest": checkpoint.digest},
        "trainer": {
            "version": __version__,
            **({"image": spec.image} if spec.image else {}),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "onnxruntime": onnxruntime.__version__,
            "device": built.compute.name,
            "threads": built.compute.threads,
            "attention": ATTENTION,
            "precision": built.compute.precision,
        },
        "metrics": built.metrics,
        "samples": _samples(built, spec),
    }
    if dataset is not None:
        manifest["dataset"] = {
            "uri": dataset.uri,
            **_revision(dataset.revision),
            "digest": dataset.digest,
            "rows": {"train": len(dataset.train), "evaluation": len(dataset.evaluation)},
        }
    if built.evaluation_logits is not None:
        positive = softmax(built.evaluation_logits)[:, -1]
        counts, _edges = np.histogram(positive, bins=DISTRIBUTION_BINS, range=(0.0, 1.0))
        manifest["baselineDistribution"] = {"bins": [int(count) for count in counts]}
    return manifest


def _revision(revision: str | None) -> dict[str, str]:
    return {"revision": revision} if revision else {}


def _samples(built: _Built, spec: Spec) -> list[dict[str, Any]]:
    """Ten held-out texts, or our own sentences, with what the model says."""
    if built.dataset is not None and built.evaluation_logits is not None:
        examples = built.dataset.evaluation
        picked = np.linspace(0, len(examples) - 1, min(SAMPLES, len(examples)), dtype=int)
        texts = [examples[at].text for at in picked]
        truths: list[str | None] = [spec.labels[examples[at].label] for at in picked]
        logits = built.evaluation_logits[picked]
    else:
        texts, truths = list(SAMPLE_SENTENCES), [None] * len(SAMPLE_SENTENCES)
        tokenizer = built.loaded.tokenizer
        logits = predict(built.loaded.model, tokenizer.encode(texts), tokenizer.pad_id, len(spec.labels))
    return [
        {
            "text": text,
            **({"label": truth} if truth is not None else {}),
            "predicted": spec.labels[int(row.argmax())],
            "score": float(row.max()),
        }
        for text, truth, row in zip(texts, truths, softmax(logits), strict=True)
    ]


def _finish(manifest: Manifest, digest: str, progress: Progress) -> Result:
    for sample in manifest["samples"]:
        truth = f", really {sample['label']}" if "label" in sample else ""
        progress.print(f"{sample['predicted']} ({sample['score']:.3f}{truth}): {sample['text'][:100]}")
        progress.write(sample=sample)
    progress.enter("Done")
    progress.write(version=manifest["version"], manifestSha256=digest, metrics=manifest["metrics"])
    progress.print(f"{manifest['version']} {digest} {manifest['metrics']}")
    return Result(digest, manifest["metrics"])


def _check_out(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except PermissionError as error:
        raise Failure(
            "ArtifactInvalid",
            f"--out: {out} cannot be written by user {os.getuid()}: give the volume an fsGroup of the pod, or its owner",
        ) from error
    except (FileExistsError, NotADirectoryError) as error:
        raise Failure("ArtifactInvalid", f"--out: {out} is not a directory") from error
