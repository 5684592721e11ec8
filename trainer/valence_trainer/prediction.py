"""Logits of many texts, and what they are worth against the true labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from valence_trainer.batches import pad

# Padded tokens of one forward pass: bounds the memory whatever the lengths are.
TOKENS_PER_BATCH = 4096

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Quality:
    accuracy: float
    macro_f1: float
    loss: float


@torch.no_grad()
def predict(model: PreTrainedModel, ids: Sequence[Sequence[int]], pad_id: int, labels: int, one_by_one: bool = False) -> Logits:
    """fp32 logits [texts, labels], in the order of `ids`."""
    model.eval()
    device = model.device
    logits = np.zeros((len(ids), labels), np.float32)
    order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
    start = 0
    while start < len(order):
        end = start + 1
        while not one_by_one and end < len(order) and (end - start + 1) * len(ids[order[end]]) <= TOKENS_PER_BATCH:
            end += 1
        rows = order[start:end]
        input_ids, attention_mask = pad([ids[row] for row in rows], pad_id)
        output = model(input_ids=input_ids.to(device), attention_mask=attention_mask.to(device))
        logits[rows] = output.logits.float().cpu().numpy()
        start = end
    return logits


def softmax(logits: Logits) -> npt.NDArray[np.float64]:
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    probabilities: npt.NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def measure(logits: Logits, truth: Sequence[int]) -> Quality:
    """Macro F1: the mean over the labels that occur, in truth or prediction, of 2 tp / (2 tp + fp + fn)."""
    true = np.asarray(truth)
    predicted = logits.argmax(axis=1)
    scores = []
    for label in range(logits.shape[1]):
        hits = int(np.sum((predicted == label) & (true == label)))
        misses = int(np.sum((predicted == label) != (true == label)))
        if hits or misses:
            scores.append(2 * hits / (2 * hits + misses))
    probabilities = softmax(logits)[np.arange(len(true)), true]
    return Quality(
        accuracy=float(np.mean(predicted == true)),
        macro_f1=float(np.mean(scores)),
        loss=float(np.mean(-np.log(np.maximum(probabilities, 1e-12)))),
    )
