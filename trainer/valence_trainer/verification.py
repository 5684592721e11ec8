"""What an exported model must hold before it is published: fp32 gives PyTorch's logits, int8 gives a text the same logits
alone and in any batch."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from valence_trainer.batches import pad
from valence_trainer.errors import Failure
from valence_trainer.prediction import Logits

log = logging.getLogger(__name__)

# Two implementations of the same fp32 arithmetic differ by about 1e-6 for each unit of a logit.
MAX_FP32_DIFFERENCE = 1e-3
# 0 where a matrix product does not depend on its number of rows; some CPUs take other kernels for one row, and a rounding
# that falls the other way then moves a logit a little. Per-tensor quantization moves them by 0.6 and more.
MAX_BATCH_DIFFERENCE = 0.05
BATCH = 8


class OnnxModel:
    def __init__(self, path: Path, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def logits(self, ids: Sequence[Sequence[int]], pad_id: int, batch: int) -> Logits:
        outputs = []
        for start in range(0, len(ids), batch):
            input_ids, attention_mask = pad(ids[start : start + batch], pad_id)
            feed = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
            outputs.append(self._session.run(["logits"], feed)[0])
        return np.concatenate(outputs)


def verify_export(directory: Path, ids: Sequence[Sequence[int]], expected: Logits, pad_id: int, threads: int) -> None:
    """`expected`: PyTorch's fp32 logits of `ids`."""
    fp32 = OnnxModel(directory / "model.fp32.onnx", threads).logits(ids, pad_id, 1)
    difference = float(np.abs(fp32 - expected).max())
    limit = MAX_FP32_DIFFERENCE * max(1.0, float(np.abs(expected).max()))
    if not difference <= limit:
        raise Failure(
            "ModelInvalid",
            f"model.fp32.onnx gives other logits than PyTorch: "
            f"they differ by up to {difference:.2g}, at most {limit:.2g} is right",
        )
    int8 = OnnxModel(directory / "model.int8.onnx", threads)
    alone, together = int8.logits(ids, pad_id, 1), int8.logits(ids, pad_id, BATCH)
    moved = float(np.abs(alone - together).max())
    if not moved <= MAX_BATCH_DIFFERENCE:
        raise Failure(
            "ModelInvalid", f"model.int8.onnx depends on the batch: a text's logits move by up to {moved:.2g} with its neighbours"
        )
    agreement = float(np.mean(alone.argmax(axis=1) == expected.argmax(axis=1)))
    log.info(
        "export verified on %d texts: fp32 differs from PyTorch by at most %.1e, int8 by %.2g with the batch; "
        "int8 gives the same label for %.1f %%",
        len(ids),
        difference,
        moved,
        100 * agreement,
    )
