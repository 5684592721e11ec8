"""Texts of our own: samples for a model without data, and edge cases that a server has to tokenize as PyTorch's side did."""

SAMPLE_SENTENCES = (
    "I absolutely loved this, it was wonderful from start to finish.",
    "This was the worst purchase I have ever made.",
    "The staff were friendly and the room was spotless.",
    "It broke after two days and nobody answered my emails.",
    "A warm, funny and deeply moving film.",
    "Boring, predictable and far too long.",
    "Exactly what I needed, and it arrived early.",
    "The food was cold and the service was rude.",
    "Not bad at all, I would come again.",
    "I expected much more for this price.",
)

EDGE_CASES = (
    " ",
    "a",
    ".",
    "...",
    "!?",
    "0",
    "3.14159 out of 10",
    "\t tabs \n and \r\n lines ",
    "\u00a0no-break\u00a0spaces\u00a0",
    "zero\u200bwidth\u200djoiner",
    "caf\u00e9, na\u00efve, \u00fcber, \u0142\u00f3d\u017a",
    "cafe\u0301 with a combining accent",
    "STRASSE, stra\u00dfe, \u0130stanbul",
    "\U0001f600\U0001f44d\U0001f3fd great \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u5f88\u597d\u7684\u7535\u5f71",
    "\u3068\u3066\u3082\u826f\u304b\u3063\u305f\u3067\u3059",
    "\uc815\ub9d0 \uc7ac\ubbf8\uc788\ub2e4",
    "\u0e14\u0e35\u0e21\u0e32\u0e01",
    "\u0645\u0645\u062a\u0627\u0632 \u062c\u062f\u0627",
    "\u043e\u0447\u0435\u043d\u044c \u043f\u043b\u043e\u0445\u043e",
    "<br />html <b>tags</b> &amp; entities",
    "https://example.org/a?b=c#d @someone #hashtag",
    "[CLS] [SEP] [PAD] [MASK] [UNK] <s> </s>",
    "\ufeffbyte order mark",
    "control \x01\x02 characters \x7f",
    "\u2028line and paragraph separators\u2029",
    "\ufffd replacement",
    "x" * 300,
    "so so " * 40 + "good",
)


def truncated_text(max_length: int) -> str:
    """Longer than any tokenizer leaves it."""
    return "it was a very long story and " * max_length
