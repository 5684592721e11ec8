import json
import shutil
import signal

import pytest
from tokenizers import Tokenizer

from valence_trainer import tokenizer as module
from valence_trainer.errors import Failure, Interrupted
from valence_trainer.interruption import Interruption
from valence_trainer.tokenizer import TextTokenizer

TEXT = "good film bad film the staff was cold and the food was great"


def copy(base_model, directory, packaged=None, **config):
    """The base model's tokenizer, with another configuration and other packaged truncation."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base_model / name, directory / name)
    path = directory / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    if packaged is not None:
        tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        tokenizer.enable_truncation(16, direction=packaged)
        tokenizer.save(str(directory / "tokenizer.json"))
    return directory


@pytest.mark.parametrize(
    ("config", "packaged", "side"),
    [
        ({}, None, "right"),
        ({"truncation_side": "left"}, None, "left"),
        ({}, "left", "left"),
        ({"truncation_side": "right"}, "left", "right"),
    ],
)
def test_a_long_text_loses_the_end_that_the_tokenizer_states(base_model, tmp_path, config, packaged, side):
    tokenizer = TextTokenizer.load(copy(base_model, tmp_path, packaged, **config), None)
    ((_first, *whole, _last),) = tokenizer.encode([TEXT])
    tokenizer.set_max_length(8)
    ((_first, *cut, _last),) = tokenizer.encode([TEXT])
    assert len(whole) > len(cut) == 6
    assert cut == (whole[:6] if side == "right" else whole[-6:])
    tokenizer.save(tmp_path)
    assert json.loads((tmp_path / "tokenizer.json").read_text())["truncation"]["direction"] == side.title()
    assert json.loads((tmp_path / "tokenizer_config.json").read_text()).get("truncation_side", "right") == side


def test_an_unknown_truncation_side_is_refused(base_model, tmp_path):
    with pytest.raises(Failure, match="truncation_side must be left or right, found 'middle'"):
        TextTokenizer.load(copy(base_model, tmp_path, truncation_side="middle"), None)


def test_sigterm_while_a_tokenizer_loads_does_not_make_it_invalid(base_model, monkeypatch):
    class Stopped:
        @staticmethod
        def from_file(path):
            signal.raise_signal(signal.SIGTERM)
            return Tokenizer.from_file(path)

    monkeypatch.setattr(module, "Tokenizer", Stopped)
    with Interruption().installed(), pytest.raises(Interrupted):
        TextTokenizer.load(base_model, None)
