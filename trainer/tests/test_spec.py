import json

import pytest

from valence_trainer.errors import Failure
from valence_trainer.spec import Train, parse_spec, read_spec

MINIMAL = {
    "schemaVersion": 1,
    "version": "m-1",
    "labels": ["negative", "positive"],
    "source": {"train": {"baseModel": {"uri": "hf://a/b"}, "dataset": {"uri": "hf://c/d"}}},
}


def with_hyperparameters(**values):
    return {**MINIMAL, "source": {"train": {**MINIMAL["source"]["train"], "hyperparameters": values}}}


def test_fills_in_the_recipe_of_the_article():
    spec = parse_spec(MINIMAL)
    assert isinstance(spec.source, Train)
    parameters = spec.source.hyperparameters
    assert (parameters.epochs, parameters.batch_size, parameters.learning_rate) == (3, 8, 2e-5)
    assert (parameters.max_length, parameters.seed, parameters.schedule) == (512, 42, "linear")
    assert parameters.head_learning_rate == parameters.learning_rate
    assert parameters.dropout is None
    assert not parameters.freeze_embeddings
    dataset = spec.source.dataset
    assert (dataset.split, dataset.text_column, dataset.label_column, dataset.shuffle_seed) == ("train", "text", "label", 42)


def test_the_identity_holds_the_defaults_and_not_the_image():
    explicit = with_hyperparameters(epochs=3, freeze={"layers": 0})
    assert parse_spec(MINIMAL).identity == parse_spec({**explicit, "image": "x"}).identity
    assert parse_spec(MINIMAL).identity != parse_spec(with_hyperparameters(epochs=4)).identity


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": {}}, "source: exactly one of train and import must be given, found none"),
        ({"source": {"train": {}, "import": {}}}, "found import and train"),
        ({"source": []}, "source: must be an object"),
        ({"labels": ["one"]}, "labels"),
        ({"labels": ["a", "a"]}, "labels: 'a' is given more than once"),
        ({"labels": ["a", " "]}, "labels: a label must not be empty"),
        ({"version": "../up"}, "version: '../up'"),
        ({"version": ".hidden"}, "version"),
        ({"schemaVersion": 2}, "schemaVersion"),
        ({"unknown": 1}, "'unknown' was unexpected"),
        ({"evaluation": {"split": "test"}}, "evaluation: 'uri' is a required property"),
        ({"evaluation": {"uri": "file:///x", "split": "../x"}}, "evaluation.split"),
        ({"evaluation": {"uri": "file:///x", "shuffleSeed": -1}}, "evaluation.shuffleSeed: -1 must not be negative"),
    ],
)
def test_names_the_field_that_is_wrong(change, words):
    with pytest.raises(Failure) as caught:
        parse_spec({**MINIMAL, **change})
    assert caught.value.reason == "SpecInvalid"
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epochs": 0}, "source.train.hyperparameters.epochs: 0"),
        ({"epochs": "3"}, "source.train.hyperparameters.epochs: '3' is not of type 'integer'"),
        ({"batch": 4}, "'batch' was unexpected"),
        ({"learningRate": "fast"}, "learningRate: 'fast' is not a decimal number"),
        ({"learningRate": "nan"}, "learningRate: 'nan' is not a decimal number"),
        ({"learningRate": "0"}, "learningRate: 0 must be above 0"),
        ({"dropout": "1"}, "dropout: 1 must be below 1"),
        ({"warmupRatio": "-0.1"}, "warmupRatio: -0.1 must be at least 0"),
        ({"holdoutRatio": "0"}, "holdoutRatio: 0 must be above 0"),
        ({"schedule": "cosine"}, "schedule: 'cosine' is not one of"),
        ({"maxLength": 4}, "maxLength: 4 is less than the minimum of 8"),
        ({"seed": -1}, "seed: -1 must not be negative"),
        ({"freeze": {"layers": -1}}, "source.train.hyperparameters.freeze.layers: -1"),
    ],
)
def test_names_the_hyperparameter_that_is_wrong(values, words):
    with pytest.raises(Failure) as caught:
        parse_spec(with_hyperparameters(**values))
    assert words in caught.value.message


def test_reads_a_file(tmp_path):
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(MINIMAL))
    assert read_spec(f"@{path}").version == "m-1"


@pytest.mark.parametrize(
    ("argument", "words"),
    [("{", "not JSON"), ("[]", "must be a JSON object, found list"), ("@/none/such", "cannot read /none/such")],
)
def test_refuses_what_is_no_spec_at_all(argument, words):
    with pytest.raises(Failure, match=words):
        read_spec(argument)
