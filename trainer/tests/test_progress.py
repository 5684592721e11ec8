import io
import json
import socket
import urllib.request

import pytest
from prometheus_client import generate_latest

from valence_trainer.http_server import serve_progress
from valence_trainer.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def step(progress, number):
    progress.step(epoch=1, step=number, steps=4, loss=0.5, samples_per_second=8.0, eta_seconds=2.0)


def test_a_terminal_gets_a_bar_and_sentences():
    stream = Terminal()
    progress = Progress(stream)
    progress.enter("Training")
    for number in (1, 2, 3, 4):
        step(progress, number)
    progress.print("positive (0.99): fine")
    assert "epoch 1: 100%" in stream.getvalue()
    assert "loss=0.5000" in stream.getvalue()
    assert stream.getvalue().endswith("positive (0.99): fine\n")
    assert "{" not in stream.getvalue()


def test_anything_else_gets_json_lines():
    stream = io.StringIO()
    progress = Progress(stream)
    progress.enter("Training")
    for number in (1, 2, 3, 4):
        step(progress, number)
    progress.print("positive (0.99): fine")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["phase"] for line in lines] == ["Preparing", "Training", "Training"]
    assert (lines[-1]["step"], lines[-1]["progress"]) == (4, 1.0)


def test_the_metrics_are_those_of_the_last_step():
    progress = Progress(io.StringIO())
    progress.enter("Training")
    step(progress, 3)
    text = generate_latest(progress.registry).decode()
    for line in ("training_progress_ratio 0.75", "training_loss 0.5", "training_samples_per_second 8.0", "training_step 3.0"):
        assert line in text.splitlines()
    assert 'training_phase{phase="Training"} 1.0' in text
    assert 'training_phase{phase="Preparing"} 0.0' in text


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "host", ["127.0.0.1", pytest.param("[::1]", marks=pytest.mark.skipif(not has_ipv6(), reason="needs IPv6"))]
)
def test_progress_is_served_over_ipv4_and_ipv6(host):
    server = serve_progress(Progress(io.StringIO()), 0)
    try:
        with urllib.request.urlopen(f"http://{host}:{server.server_address[1]}/progress", timeout=5) as answer:
            assert json.load(answer)["phase"] == "Preparing"
    finally:
        server.shutdown()
        server.server_close()
