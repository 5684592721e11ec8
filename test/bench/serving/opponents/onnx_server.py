"""The strongest Python server that we know how to write: FastAPI over ONNX Runtime with the artifact's own model file.

One process for each core (uvicorn --workers), one thread of ONNX Runtime in each, the tokenizer in Rust, uvloop and httptools.
MAX_BATCH=1 answers text by text. With more, whatever waits when a run ends makes the next batch: no timer delays anyone.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from fastapi import FastAPI
from pydantic import BaseModel
from tokenizers import Tokenizer

MAX_BATCH = int(os.environ.get("MAX_BATCH", "1"))
LABELS = os.environ["LABELS"].split(",")

artifact = Path(os.environ["ARTIFACT"])
tokenizer = Tokenizer.from_file(str(artifact / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(int(os.environ["MAX_LENGTH"]))
options = ort.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = ort.InferenceSession(str(artifact / os.environ["MODEL_FILE"]), options, providers=["CPUExecutionProvider"])
INPUTS = [value.name for value in session.get_inputs()]

Ids = list[int]
Probabilities = npt.NDArray[np.float32]
Waiting = tuple[Ids, asyncio.Future[Probabilities]]


def infer(rows: list[Ids]) -> Probabilities:
    """Probabilities [rows, labels]; shorter rows are padded on the right and masked out."""
    length = max(len(row) for row in rows)
    ids = np.zeros((len(rows), length), np.int64)
    mask = np.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    logits = session.run(["logits"], {name: given[name] for name in INPUTS})[0]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


waiting: asyncio.Queue[Waiting] = asyncio.Queue()


async def run_batches() -> None:
    loop = asyncio.get_running_loop()
    # A thread, so that HTTP is read while ONNX Runtime, which lets go of the interpreter's lock, computes.
    with ThreadPoolExecutor(max_workers=1) as executor:
        while True:
            batch = [await waiting.get()]
            while len(batch) < MAX_BATCH and not waiting.empty():
                batch.append(waiting.get_nowait())
            try:
                results = await loop.run_in_executor(executor, infer, [ids for ids, _ in batch])
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    task = asyncio.create_task(run_batches())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


class Request(BaseModel):
    text: str


class Prediction(BaseModel):
    text: str
    sentiment: str
    score: float


@app.post("/predict")
async def predict(request: Request) -> Prediction:
    ids = tokenizer.encode(request.text).ids
    if MAX_BATCH == 1:
        # On the event loop: the process has one core, and a hop to a thread and back would only cost.
        probabilities = infer([ids])[0]
    else:
        future: asyncio.Future[Probabilities] = asyncio.get_running_loop().create_future()
        waiting.put_nowait((ids, future))
        probabilities = await future
    label = int(probabilities.argmax())
    return Prediction(text=request.text, sentiment=LABELS[label], score=float(probabilities[label]))


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
