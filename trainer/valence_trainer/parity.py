"""parity.jsonl: texts with the token ids and logits that PyTorch gave, which every server has to reproduce."""

from collections.abc import Sequence

from valence_trainer.sentences import EDGE_CASES, SAMPLE_SENTENCES, truncated_text

MAX_TEXTS = 200


def parity_texts(texts: Sequence[str], max_length: int) -> list[str]:
    """Edge cases, our sentences, a truncated text, and `texts` of all lengths, evenly over their order by length."""
    fixed = [*EDGE_CASES, *SAMPLE_SENTENCES, truncated_text(max_length)]
    by_length = sorted(dict.fromkeys(texts), key=lambda text: (len(text), text))
    room = MAX_TEXTS - len(fixed)
    if len(by_length) > room:
        by_length = [by_length[round(at * (len(by_length) - 1) / (room - 1))] for at in range(room)]
    return fixed + by_length
