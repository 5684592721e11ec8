"""The PyTorch model as one ONNX file: int64 `input_ids`, `attention_mask` [batch, sequence] -> fp32 `logits` [batch, labels].

There is no `token_type_ids` input: a single text has type 0 throughout, which is the models' default.
"""

import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from valence_trainer.errors import Failure

# Both axes dynamic with every operator used here; runtimes of the last years read it.
OPSET = 17
# A protobuf message, which is what an ONNX file is, ends at 2 GiB; 16 MiB are ample for the graph.
MAX_WEIGHT_BYTES = (2 << 30) - (16 << 20)


class _Logits(nn.Module):
    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def check_exportable(model: PreTrainedModel) -> None:
    """Before the training, so that no hours are spent on what cannot become an artifact."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if parameters * 4 > MAX_WEIGHT_BYTES:
        raise Failure(
            "ModelInvalid",
            f"the model's weights are {parameters * 4 / 1e9:.2f} GB in fp32 ({parameters / 1e6:.0f} million parameters), more "
            f"than the {MAX_WEIGHT_BYTES / 1e9:.2f} GB that one ONNX file holds: use a model of at most "
            f"{MAX_WEIGHT_BYTES // 4 / 1e6:.0f} million parameters",
        )


def export_onnx(model: PreTrainedModel, path: Path) -> None:
    """`model` on the CPU in fp32. The tracing exporter is used because its graph runs about 15 % faster in ONNX Runtime than
    the one of `dynamo=True`, with the same logits."""
    model.eval()
    input_ids = torch.ones((2, 16), dtype=torch.long)
    attention_mask = torch.ones((2, 16), dtype=torch.long)
    attention_mask[1, 9:] = 0
    axes = {0: "batch", 1: "sequence"}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        # The tracer warns of every Python branch on a shape; the check after the export is what tells whether one mattered.
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                _Logits(model),
                (input_ids, attention_mask),
                str(path),
                dynamo=False,
                opset_version=OPSET,
                do_constant_folding=True,
                input_names=["input_ids", "attention_mask"],
                output_names=["logits"],
                dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "batch"}},
            )
        except (torch.onnx.errors.OnnxExporterError, TypeError, ValueError) as error:
            raise Failure(
                "ModelInvalid", f"a model of the type {model.config.model_type} cannot be exported to ONNX: {error}"
            ) from error
