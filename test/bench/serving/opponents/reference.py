"""What PyTorch says of texts: `reference.py CHECKPOINT MAX_LENGTH < texts.json > answers.json`.

In: a JSON array of texts.
Out: `{"ids": [[...]], "labels": [...], "scores": [...], "torch": "...", "transformers": "..."}`: in the order of the texts their
token ids as the model takes them, the name of the best label and its probability in fp32.
"""

import json
import sys

import torch
import transformers
from transformers import AutoModelForSequenceClassification, AutoTokenizer

# Padded tokens of one forward pass: bounds the memory.
TOKENS_PER_BATCH = 4096


@torch.no_grad()
def main(checkpoint: str, max_length: int) -> None:
    texts: list[str] = json.load(sys.stdin)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint, local_files_only=True, dtype=torch.float32).eval()
    # One by one: a batch call would pad, and the ids are those of the bare run too.
    ids = [tokenizer(text, truncation=True, max_length=max_length)["input_ids"] for text in texts]
    labels = [""] * len(texts)
    scores = [0.0] * len(texts)
    order = sorted(range(len(texts)), key=lambda index: len(ids[index]))
    while order:
        rows = [order.pop()]
        while order and (len(rows) + 1) * len(ids[rows[0]]) <= TOKENS_PER_BATCH:
            rows.append(order.pop())
        batch = tokenizer.pad({"input_ids": [ids[row] for row in rows]}, return_tensors="pt")
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        best = torch.softmax(logits.double(), dim=-1).max(dim=-1)
        for row, score, label in zip(rows, best.values.tolist(), best.indices.tolist(), strict=True):
            labels[row] = model.config.id2label[label]
            scores[row] = score
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    json.dump({"ids": ids, "labels": labels, "scores": scores, **versions}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
