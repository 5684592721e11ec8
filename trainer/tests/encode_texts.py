"""Token ids as Python's tokenizers give them, for the test that holds the server's tokenizer against them (test/parity).

encode_texts.py encode DIR MAX_LENGTH...   for each length and text its ids: count, then ids, as uint32
encode_texts.py make bpe|unigram DIR       trains a tokenizer on the texts, and writes it to DIR

Texts come in as a JSON array a line.
"""

import json
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from valence_trainer.tokenizer import TextTokenizer

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def texts_in() -> Iterator[list[str]]:
    for line in sys.stdin.buffer:
        yield json.loads(line)


def encode(directory: Path, lengths: list[int]) -> None:
    tokenizers = [TextTokenizer.load(directory, None) for _ in lengths]
    for tokenizer, length in zip(tokenizers, lengths, strict=True):
        tokenizer.set_max_length(length)
    whole = TextTokenizer.load(directory, None).tokenizer
    for texts in texts_in():
        answer = array("I")
        encodings = whole.encode_batch(texts, add_special_tokens=False)
        for tokenizer in tokenizers:
            for encoding in encodings:
                # What encode does after tokenizing: it cuts, and puts the special tokens around.
                ids = tokenizer.tokenizer.post_process(encoding).ids
                answer.append(len(ids))
                answer.extend(ids)
        sys.stdout.buffer.write(answer.tobytes())
        sys.stdout.buffer.flush()


def make(kind: str, directory: Path) -> None:
    """Byte-level BPE in the form of RoBERTa, or Unigram over Metaspace in that of XLM-RoBERTa."""
    if kind == "bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            vocab_size=8000,
            special_tokens=SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
        trainer = trainers.UnigramTrainer(vocab_size=8000, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(texts_in(), trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("</s>", "<s>")]
    if kind == "bpe":
        tokenizer.post_processor = processors.RobertaProcessing(*ends, trim_offsets=True, add_prefix_space=False)
    else:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps({"pad_token": "<pad>", "unk_token": "<unk>"}))


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "encode":
        encode(Path(rest[0]), [int(length) for length in rest[1:]])
    else:
        make(rest[0], Path(rest[1]))
