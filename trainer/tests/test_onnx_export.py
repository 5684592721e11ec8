import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from valence_trainer.errors import Failure
from valence_trainer.onnx_export import check_exportable


def of_vocabulary(size):
    """Without memory for its weights."""
    config = BertConfig(
        vocab_size=size, hidden_size=1024, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, num_labels=2
    )
    with torch.device("meta"):
        return BertForSequenceClassification(config)


def test_a_model_that_no_onnx_file_can_hold_is_refused_with_its_size():
    check_exportable(of_vocabulary(500_000))
    with pytest.raises(Failure) as caught:
        check_exportable(of_vocabulary(600_000))
    assert caught.value.reason == "ModelInvalid"
    assert "are 2.48 GB in fp32 (620 million parameters), more than the 2.13 GB" in caught.value.message
    assert "use a model of at most 533 million parameters" in caught.value.message
