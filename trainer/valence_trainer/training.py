"""The training loop: AdamW, linear or constant schedule, gradient clipping, checkpoints that continue bit for bit."""

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel

from valence_trainer.batches import epoch_batches, pad
from valence_trainer.checkpoint import CheckpointStore
from valence_trainer.compute import Compute
from valence_trainer.errors import Failure
from valence_trainer.interruption import Interruption
from valence_trainer.model import is_head
from valence_trainer.progress import Progress
from valence_trainer.spec import Hyperparameters

log = logging.getLogger(__name__)

# The loss shown is the mean of this many steps.
LOSS_WINDOW = 50


@dataclass(frozen=True)
class TrainingRows:
    ids: Sequence[Sequence[int]]
    labels: Sequence[int]


@dataclass(frozen=True)
class TrainingReport:
    seconds: float
    samples_per_second: float
    final_loss: float


def train(
    model: PreTrainedModel,
    rows: TrainingRows,
    pad_id: int,
    parameters: Hyperparameters,
    compute: Compute,
    checkpoints: CheckpointStore,
    progress: Progress,
    interruption: Interruption,
) -> TrainingReport:
    """Trains `model` in place. Every row is seen once an epoch; a run that was stopped continues after its last saved step."""
    lengths = [len(ids) for ids in rows.ids]
    steps_per_epoch = -(-len(lengths) // parameters.batch_size)
    steps = steps_per_epoch * parameters.epochs
    model.to(compute.device)
    optimizer = _optimizer(model, parameters)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate_factor(step, steps, parameters))
    run = _Run(model, optimizer, schedule, compute)
    torch.manual_seed(parameters.seed)
    state = checkpoints.load()
    if state is not None:
        run.restore(state)
        log.info("resumed after step %d of %d", run.step, steps)
    trained_here = 0
    started = time.monotonic()

    with interruption.deferred():
        while run.step < steps:
            epoch, offset = divmod(run.step, steps_per_epoch)
            model.train()
            for batch in epoch_batches(lengths, parameters.batch_size, parameters.seed, epoch)[offset:]:
                loss = _train_step(run, batch, rows, pad_id, parameters.max_grad_norm)
                if not torch.isfinite(loss):
                    raise Failure(
                        "ModelInvalid",
                        f"training diverged: the loss is {loss.item()} at step {run.step}; "
                        "lower source.train.hyperparameters.learningRate",
                    )
                run.losses.append(loss.item())
                trained_here += len(batch)
                rate = trained_here / (time.monotonic() - started)
                progress.step(
                    epoch=epoch + 1,
                    step=run.step,
                    steps=steps,
                    loss=sum(run.losses) / len(run.losses),
                    samples_per_second=rate,
                    eta_seconds=(steps - run.step) * parameters.batch_size / rate,
                )
                if interruption.is_requested:
                    checkpoints.save(run.state(time.monotonic() - started))
                    interruption.check()
            checkpoints.save(run.state(time.monotonic() - started))
    interruption.check()
    seconds = run.seconds_before + time.monotonic() - started
    return TrainingReport(
        seconds=round(seconds, 3),
        samples_per_second=round(len(lengths) * parameters.epochs / max(seconds, 1e-9), 3),
        final_loss=sum(run.losses) / max(1, len(run.losses)),
    )


def learning_rate_factor(step: int, steps: int, parameters: Hyperparameters) -> float:
    """Rises from 0 over the warm-up steps, then stays at 1 (constant) or falls to 0 (linear)."""
    warmup = int(parameters.warmup_ratio * steps)
    if step < warmup:
        return (step + 1) / warmup
    if parameters.schedule == "constant":
        return 1.0
    return max(0.0, (steps - step) / max(1, steps - warmup))


class _Run:
    """What a checkpoint holds and restores."""

    def __init__(
        self,
        model: PreTrainedModel,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LambdaLR,
        compute: Compute,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.schedule = schedule
        self.compute = compute
        self.step = 0
        self.losses: deque[float] = deque(maxlen=LOSS_WINDOW)
        self.seconds_before = 0.0

    def state(self, seconds: float) -> dict[str, Any]:
        return {
            "step": self.step,
            "threads": self.compute.threads,
            "seconds": self.seconds_before + seconds,
            "losses": list(self.losses),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": torch.get_rng_state(),
            "random_gpu": torch.cuda.get_rng_state_all() if self.compute.device.type == "cuda" else [],
        }

    def restore(self, state: dict[str, Any]) -> None:
        if state["threads"] != self.compute.threads:
            # Beginning anew would cost more than the last bits of the weights are worth.
            log.warning(
                "resumed with %d threads after %d: the weights will not be bit for bit those of an undisturbed run",
                self.compute.threads,
                state["threads"],
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["random"])
        if state["random_gpu"]:
            torch.cuda.set_rng_state_all(state["random_gpu"])
        self.step = state["step"]
        self.losses.extend(state["losses"])
        self.seconds_before = state["seconds"]


def _train_step(run: _Run, batch: list[int], rows: TrainingRows, pad_id: int, max_grad_norm: float) -> torch.Tensor:
    device = run.compute.device
    input_ids, attention_mask = pad([rows.ids[row] for row in batch], pad_id)
    truth = torch.tensor([rows.labels[row] for row in batch])
    with torch.autocast(device.type, torch.bfloat16, enabled=run.compute.precision == "bf16"):
        logits = run.model(input_ids=input_ids.to(device), attention_mask=attention_mask.to(device)).logits
    loss = functional.cross_entropy(logits.float(), truth.to(device))
    loss.backward()
    nn.utils.clip_grad_norm_(run.model.parameters(), max_grad_norm)
    run.optimizer.step()
    run.schedule.step()
    run.optimizer.zero_grad(set_to_none=True)
    run.step += 1
    return loss.detach()


def _optimizer(model: PreTrainedModel, parameters: Hyperparameters) -> torch.optim.AdamW:
    """Biases and normalization weights have no weight decay; the head, which starts from nothing, can have its own rate."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((is_head(model, name), parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": tensors,
                "lr": parameters.head_learning_rate if head else parameters.learning_rate,
                "weight_decay": parameters.weight_decay if decays else 0.0,
            }
            for (head, decays), tensors in groups.items()
        ],
        foreach=True,
    )
