import json
import os
import subprocess
import sys

import pytest
from conftest import start_process
from hub_server import COMMIT, TOKEN, HubServer

from valence_trainer.errors import Failure
from valence_trainer.sources import open_source


def test_reads_a_local_directory_and_a_file(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.tsv").write_text("b")
    (tmp_path / "a.tsv").write_text("a")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "c.tsv").write_text("c")
    directory = open_source("x", f"file://{tmp_path}", None, "dataset")
    assert directory.files == ("a.tsv", "sub/b.tsv")
    assert (directory.fetch(["sub/b.tsv"]) / "sub/b.tsv").read_text() == "b"
    file = open_source("x", f"file://{tmp_path}/a.tsv", None, "dataset")
    assert file.is_file
    assert file.files == ("a.tsv",)


def test_a_claim_is_a_directory_of_the_mounts(tmp_path, monkeypatch):
    monkeypatch.setenv("VALENCE_CLAIMS_DIR", str(tmp_path))
    (tmp_path / "data" / "set").mkdir(parents=True)
    (tmp_path / "data" / "set" / "train.tsv").write_text("x")
    assert open_source("x", "pvc://data/set", None, "dataset").files == ("train.tsv",)
    assert open_source("x", "pvc://data", None, "dataset").files == ("set/train.tsv",)


@pytest.mark.parametrize(
    ("uri", "revision", "reason", "words"),
    [
        ("s3://bucket/x", None, "SpecInvalid", "must begin with hf://, pvc:// or file://"),
        ("relative/path", None, "SpecInvalid", "must begin with"),
        ("file://relative", None, "SpecInvalid", "must be file:///<absolute path>"),
        ("file:///none/such", None, "SourceUnavailable", "nothing is at /none/such"),
        ("file:///tmp/../etc", None, "SpecInvalid", "must not contain '..'"),
        ("file:///tmp/%2e%2e/etc", None, "SpecInvalid", "must not contain '..'"),
        ("file:///tmp", "main", "SpecInvalid", "x.revision: only an hf:// source has revisions"),
        ("file:///tmp?x=1", None, "SpecInvalid", "must not have a query"),
        ("pvc:///x", None, "SpecInvalid", "names no claim"),
        ("pvc://../x", None, "SpecInvalid", "must not contain '..'"),
        ("pvc://absent/x", None, "SourceUnavailable", "the claim is not mounted"),
        ("hf://name", None, "SpecInvalid", "must be hf://<owner>/<name>"),
        ("hf:///name", None, "SpecInvalid", "must be hf://<owner>/<name>"),
    ],
)
def test_refuses_what_cannot_be_a_source(uri, revision, reason, words, tmp_path, monkeypatch):
    monkeypatch.setenv("VALENCE_CLAIMS_DIR", str(tmp_path))
    with pytest.raises(Failure) as caught:
        open_source("x", uri, revision, "dataset")
    assert caught.value.reason == reason
    assert words in caught.value.message


def test_a_link_out_of_a_claim_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("VALENCE_CLAIMS_DIR", str(tmp_path))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "way-out").symlink_to("/etc")
    with pytest.raises(Failure, match="leads out of the claim"):
        open_source("x", "pvc://data/way-out", None, "dataset")


@pytest.fixture
def hub(base_model, dataset):
    server = HubServer(
        {"team/base": base_model, "team/data": dataset.parent, "team/private": dataset}, private=frozenset({"team/private"})
    )
    yield server
    server.close()


# The Hub's client reads its environment when it is imported, so each environment needs a process.
OPEN = """
import json, sys
from valence_trainer.environment import prepare_environment
prepare_environment()
from valence_trainer.errors import Failure
from valence_trainer.sources import open_source
for uri, revision in json.loads(sys.argv[1]):
    try:
        source = open_source("field", uri, revision, "dataset")
        root = source.fetch([source.files[-1]])
        text = (root / source.files[-1]).read_text()[:10]
        print(json.dumps({"files": source.files, "revision": source.revision, "text": text}))
    except Failure as failure:
        print(json.dumps({"reason": failure.reason, "message": failure.message, "exit": failure.exit_code}))
"""


def open_all(cases, tmp_path, endpoint, **environment):
    environment = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-c", OPEN, json.dumps(cases)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_reads_repositories_and_tells_apart_how_the_hub_refuses(hub, dataset, tmp_path):
    folder = f"hf://team/data/{dataset.name}"
    cases = {
        "folder": (folder, COMMIT),
        "newest": (folder, None),
        "no such folder": ("hf://team/data/none", COMMIT),
        "no such revision": (folder, "v9"),
        "missing": ("hf://team/none", COMMIT),
        "private": ("hf://team/private", COMMIT),
        "gated": ("hf://gated-403/x", None),
        "forbidden": ("hf://denied-403/x", None),
        "down": ("hf://broken-500/x", None),
        "bad name": ("hf://team/a..b", None),
    }
    results = dict(zip(cases, open_all(list(cases.values()), tmp_path, hub.endpoint), strict=True))
    assert results["folder"] == {"files": ["test.tsv", "train.tsv"], "revision": COMMIT, "text": "text\tlabel"}
    assert results["newest"]["revision"] == COMMIT
    assert results["no such folder"]["reason"] == "SourceUnavailable"
    assert results["no such revision"]["message"] == "field.revision: dataset team/data has no revision 'v9'"
    assert results["missing"]["reason"] == "CredentialsRefused"
    assert "does not exist, or HF_TOKEN may not read it" in results["missing"]["message"]
    assert results["private"]["reason"] == "CredentialsRefused"
    assert "gated" in results["gated"]["message"]
    assert results["forbidden"]["reason"] == "CredentialsRefused"
    assert results["down"]["reason"] == "SourceUnavailable"
    assert {result["exit"] for name, result in results.items() if "exit" in result and name != "bad name"} == {4}
    assert results["bad name"]["exit"] == 3


def test_a_token_opens_a_private_repository(hub, tmp_path):
    (result,) = open_all([("hf://team/private", COMMIT)], tmp_path, hub.endpoint, HF_TOKEN=TOKEN)
    assert result["files"] == ["test.tsv", "train.tsv"]


def test_a_hub_that_cannot_be_reached_is_unavailable(tmp_path):
    (result,) = open_all([("hf://team/data", COMMIT)], tmp_path, "http://127.0.0.1:9")
    assert result["reason"] == "SourceUnavailable"
    assert "could not be read from the Hub" in result["message"]


def test_trains_from_repositories_at_pinned_commits(hub, make_spec, tmp_path):
    spec = make_spec()
    spec["source"]["train"]["baseModel"] = {"uri": "hf://team/base", "revision": COMMIT}
    spec["source"]["train"]["dataset"] = {"uri": "hf://team/private", "revision": COMMIT}
    process = start_process(
        ["train", "--spec", json.dumps(spec), "--out", str(tmp_path / "out"), "--metrics-port", "off"],
        HF_ENDPOINT=hub.endpoint,
        HF_TOKEN=TOKEN,
        HF_HOME=str(tmp_path / "hf"),
        HF_HUB_DISABLE_XET="1",
    )
    _output, log = process.communicate(timeout=240)
    assert process.returncode == 0, log
    manifest = json.loads((tmp_path / "out" / "tiny-1" / "manifest.json").read_text())
    assert manifest["base"]["revision"] == COMMIT
    assert manifest["dataset"]["revision"] == COMMIT
    assert manifest["dataset"]["rows"] == {"train": 192, "evaluation": 64}
    assert not any("README" in request for request in hub.requests)
