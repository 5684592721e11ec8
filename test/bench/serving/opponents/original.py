"""A sentiment API as tutorials write it: FastAPI, the transformers pipeline and Prometheus metrics on a second port.

`uvicorn original:app` is the service as written; with `--workers` and TORCH_THREADS=1 it is the same service, tuned.
"""

import os
from contextlib import suppress

import torch
from fastapi import FastAPI
from prometheus_client import Counter, Histogram, start_http_server
from pydantic import BaseModel
from transformers import pipeline

CHECKPOINT = os.environ["CHECKPOINT"]
MAX_LENGTH = int(os.environ["MAX_LENGTH"])
if "TORCH_THREADS" in os.environ:
    torch.set_num_threads(int(os.environ["TORCH_THREADS"]))

app = FastAPI()
classifier = pipeline("sentiment-analysis", model=CHECKPOINT, tokenizer=CHECKPOINT)
REQUESTS = Counter("sentiment_requests_total", "Requests", ["sentiment"])
LATENCY = Histogram("sentiment_latency_seconds", "Latency")
# Another worker may have the port already.
with suppress(OSError):
    start_http_server(int(os.environ["METRICS_PORT"]))


class Request(BaseModel):
    text: str


@app.post("/predict")
def predict(request: Request) -> dict[str, str | float]:
    with LATENCY.time():
        result = classifier(request.text, truncation=True, max_length=MAX_LENGTH)[0]
    REQUESTS.labels(result["label"]).inc()
    return {"text": request.text, "sentiment": result["label"], "score": result["score"]}


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}
