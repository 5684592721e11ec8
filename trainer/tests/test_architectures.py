"""The families of encoders that people fine-tune: each trains with frozen layers and another dropout, exports and quantizes."""

import json
import shutil

import pytest
import torch
from transformers import DistilBertConfig, DistilBertModel, ElectraConfig, ElectraModel, RobertaConfig, RobertaModel

from valence_trainer.model import position_limit

FAMILIES = {
    "distilbert": (
        DistilBertModel,
        DistilBertConfig(vocab_size=300, dim=32, n_layers=2, n_heads=2, hidden_dim=64, max_position_embeddings=64),
    ),
    "roberta": (
        RobertaModel,
        RobertaConfig(
            vocab_size=300,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=66,
            pad_token_id=0,
        ),
    ),
    "electra": (
        ElectraModel,
        ElectraConfig(
            vocab_size=300,
            embedding_size=32,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
        ),
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_trains_exports_and_quantizes(family, base_model, train, make_spec, tmp_path):
    architecture, config = FAMILIES[family]
    base = tmp_path / family
    torch.manual_seed(0)
    model = architecture(config)
    model.save_pretrained(base)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base_model / name, base / name)

    hyperparameters = {"epochs": 1, "dropout": "0.05", "freeze": {"embeddings": True, "layers": 1}}
    spec = make_spec(dataset_fields={"samples": 64}, hyperparameters=hyperparameters)
    spec["source"]["train"]["baseModel"]["uri"] = f"file://{base}"
    done = train(spec)
    assert done.code == 0, done.message
    written = json.loads((done.artifact() / "config.json").read_text())
    assert written["model_type"] == family
    assert 0.05 in (written.get("dropout"), written.get("hidden_dropout_prob"))


def test_positions_of_roberta_begin_after_the_padding():
    config = RobertaConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=16,
        max_position_embeddings=514,
    )
    assert position_limit(RobertaModel(config)) == 512
