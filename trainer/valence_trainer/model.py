"""Sequence-classification models: a base model with a new head to train, or a finished checkpoint to import."""

import fnmatch
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

from valence_trainer.digest import files_digest
from valence_trainer.errors import Failure
from valence_trainer.sources import Source, open_source
from valence_trainer.spec import Hyperparameters, SourceRef
from valence_trainer.tokenizer import TextTokenizer

log = logging.getLogger(__name__)

# Without dropout it is the fastest on CPU, and the fused kernels' backward pass is not deterministic on GPU.
ATTENTION = "eager"

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors")
_FILES = (
    *_WEIGHTS,
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.model",
)
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "classifier_dropout",
    "dropout",
    "attention_dropout",
    "seq_classif_dropout",
)


@dataclass(frozen=True)
class Checkpoint:
    """Files of a model on the local disk."""

    field: str
    uri: str
    revision: str | None
    digest: str
    directory: Path


@dataclass(frozen=True)
class LoadedModel:
    model: PreTrainedModel
    tokenizer: TextTokenizer
    checkpoint: Checkpoint
    max_length: int


def fetch_checkpoint(field: str, ref: SourceRef) -> Checkpoint:
    source = open_source(field, ref.uri, ref.revision, "model")
    # An artifact of ours keeps its PyTorch weights in a folder.
    folder = "checkpoint/" if "manifest.json" in source.files and "checkpoint/config.json" in source.files else ""
    names = [name for name in source.files if name.startswith(folder) and _matches(name.removeprefix(folder), _FILES)]
    _check_files(field, source, {name.removeprefix(folder) for name in names}, folder)
    root = source.fetch(names)
    return Checkpoint(field, ref.uri, source.revision, files_digest(root, names), root / folder)


def load_base(
    checkpoint: Checkpoint, labels: tuple[str, ...], parameters: Hyperparameters, max_length_is_given: bool
) -> LoadedModel:
    """The base encoder under a head that is new, or kept where the checkpoint has one of this very size."""
    config = _read_config(checkpoint)
    _set_labels(config, labels)
    if parameters.dropout is not None:
        _set_dropout(config, parameters.dropout, checkpoint)
    torch.manual_seed(parameters.seed)
    model, missing = _load(checkpoint, config, ignore_mismatched_sizes=True)
    encoder = [name for name in missing if name.startswith(f"{model.base_model_prefix}.") and ".pooler." not in name]
    if encoder:
        raise Failure("ModelInvalid", f"{checkpoint.field}.uri: {checkpoint.uri} lacks weights of the encoder: {encoder[0]}")
    limit = position_limit(model)
    if max_length_is_given and parameters.max_length > limit:
        raise Failure(
            "SpecInvalid",
            f"source.train.hyperparameters.maxLength: {parameters.max_length} is more than the {limit} positions of the base "
            f"model; set at most {limit}",
        )
    _freeze(model, parameters)
    tokenizer = _load_tokenizer(model, checkpoint)
    max_length = min(parameters.max_length, limit)
    tokenizer.set_max_length(max_length)
    return LoadedModel(model, tokenizer, checkpoint, max_length)


def load_finished(checkpoint: Checkpoint, labels: tuple[str, ...], max_length: int | None) -> LoadedModel:
    """A checkpoint with a trained head. Its labels must be the ones of the spec, in the same order."""
    config = _read_config(checkpoint)
    where = f"{checkpoint.field}.uri: {checkpoint.uri}"
    if config.num_labels != len(labels):
        raise Failure(
            "ModelInvalid",
            f"{where} has {config.num_labels} labels ({', '.join(map(str, config.id2label.values()))}), "
            f"but labels has {len(labels)} ({', '.join(labels)})",
        )
    own = [str(config.id2label[index]).lower() for index in range(len(labels))]
    asked = [label.lower() for label in labels]
    if own != asked and sorted(own) == sorted(asked):
        raise Failure(
            "ModelInvalid",
            f"{where} has its labels in the order {', '.join(own)}; labels must be in this order, not {', '.join(asked)}",
        )
    _set_labels(config, labels)
    model, missing = _load(checkpoint, config, ignore_mismatched_sizes=False)
    if missing:
        raise Failure(
            "ModelInvalid",
            f"{where} is not a finished sequence-classification checkpoint: it lacks {missing[0]}; train it, or name another",
        )
    limit = position_limit(model)
    if max_length is not None and max_length > limit:
        raise Failure("SpecInvalid", f"source.import.maxLength: {max_length} is more than the {limit} positions of the model")
    tokenizer = _load_tokenizer(model, checkpoint)
    # Where the checkpoint states the length that it was trained with, longer texts are no better than cut ones.
    length = max_length or min(limit, tokenizer.stated_max_length or limit)
    tokenizer.set_max_length(length)
    return LoadedModel(model, tokenizer, checkpoint, length)


def position_limit(model: PreTrainedModel) -> int:
    """Tokens that the model has positions for. RoBERTa's count from `padding_idx + 1`, so some of its table is not for tokens."""
    limit = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(limit, int) or limit < 8:
        return 512
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding) and module.padding_idx is not None:
            return limit - module.padding_idx - 1
    return limit


def is_head(model: PreTrainedModel, parameter: str) -> bool:
    return not parameter.startswith(f"{model.base_model_prefix}.")


def save_checkpoint(loaded: LoadedModel, directory: Path) -> None:
    directory.mkdir(parents=True)
    loaded.model.save_pretrained(directory, safe_serialization=True)
    loaded.tokenizer.save(directory)


def _load_tokenizer(model: PreTrainedModel, checkpoint: Checkpoint) -> TextTokenizer:
    tokenizer = TextTokenizer.load(checkpoint.directory, getattr(model.config, "pad_token_id", None))
    vocabulary, known = tokenizer.tokenizer.get_vocab_size(), model.config.vocab_size
    if vocabulary > known:
        raise Failure(
            "ModelInvalid",
            f"{checkpoint.field}.uri: the tokenizer has {vocabulary} tokens, the model only {known}: they do not belong together",
        )
    return tokenizer


def _check_files(field: str, source: Source, names: set[str], folder: str) -> None:
    where = f"{field}.uri: {source.uri}"
    if "config.json" not in names:
        raise Failure("ModelInvalid", f"{where} has no {folder}config.json: it must be a directory in Hugging Face's layout")
    if not any(_matches(name, _WEIGHTS) for name in names):
        pickles = [name for name in source.files if _matches(name.rpartition("/")[2], _PICKLES)]
        if pickles:
            raise Failure(
                "ModelInvalid",
                f"{where} has its weights only as a pickle ({pickles[0]}), which can run code when it is opened: "
                "convert them to safetensors",
            )
        raise Failure("ModelInvalid", f"{where} has no {folder}model.safetensors")


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return "/" not in name and any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _read_config(checkpoint: Checkpoint) -> Any:
    try:
        return AutoConfig.from_pretrained(checkpoint.directory, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise Failure("ModelInvalid", f"{checkpoint.field}.uri: {checkpoint.uri}: config.json cannot be used: {error}") from error


def _set_labels(config: Any, labels: tuple[str, ...]) -> None:
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    config.problem_type = "single_label_classification"


def _set_dropout(config: Any, dropout: float, checkpoint: Checkpoint) -> None:
    names = [name for name in _DROPOUTS if hasattr(config, name)]
    if not names:
        raise Failure(
            "SpecInvalid",
            f"source.train.hyperparameters.dropout: {checkpoint.uri} ({config.model_type}) has no dropout "
            "that is known here; leave it out",
        )
    for name in names:
        setattr(config, name, dropout)


def _load(checkpoint: Checkpoint, config: Any, ignore_mismatched_sizes: bool) -> tuple[PreTrainedModel, list[str]]:
    where = f"{checkpoint.field}.uri: {checkpoint.uri}"
    try:
        model, report = AutoModelForSequenceClassification.from_pretrained(
            checkpoint.directory,
            config=config,
            attn_implementation=ATTENTION,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=ignore_mismatched_sizes,
            output_loading_info=True,
        )
    except MemoryError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        if "allocate memory" in str(error):
            raise
        raise Failure("ModelInvalid", f"{where}: the weights cannot be loaded: {error}") from error
    return model, sorted(report["missing_keys"])


def _freeze(model: PreTrainedModel, parameters: Hyperparameters) -> None:
    base = model.base_model
    if parameters.freeze_embeddings or parameters.freeze_layers:
        embeddings = getattr(base, "embeddings", None)
        if not isinstance(embeddings, nn.Module):
            raise Failure(
                "SpecInvalid", f"source.train.hyperparameters.freeze: {model.config.model_type} has no embeddings to freeze"
            )
        embeddings.requires_grad_(False)
    if parameters.freeze_layers:
        layers = _layers(model)
        if parameters.freeze_layers > len(layers):
            raise Failure(
                "SpecInvalid",
                f"source.train.hyperparameters.freeze.layers: {parameters.freeze_layers}, but the base model has "
                f"{len(layers)} layers",
            )
        for layer in list(layers)[: parameters.freeze_layers]:
            layer.requires_grad_(False)


def _layers(model: PreTrainedModel) -> nn.ModuleList:
    count = model.config.num_hidden_layers
    for module in model.base_model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return module
    raise Failure("SpecInvalid", f"source.train.hyperparameters.freeze.layers: {model.config.model_type} has no list of layers")
