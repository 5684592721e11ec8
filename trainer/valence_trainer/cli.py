"""`valence-trainer train --spec <json|@file> --out <dir>`"""

import argparse
import logging
import os
import sys
from pathlib import Path

from valence_trainer import __version__
from valence_trainer.environment import prepare_environment
from valence_trainer.errors import EXIT_DONE, EXIT_INVALID, Failure, Interrupted, as_failure
from valence_trainer.interruption import Interruption
from valence_trainer.spec import read_spec
from valence_trainer.termination import failed, succeeded, write_termination_message

log = logging.getLogger("valence_trainer")


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S"
    )
    log.setLevel(options.log_level.upper())
    interruption = Interruption()
    try:
        with interruption.installed():
            return _train(options, interruption)
    except (Exception, Interrupted) as error:
        failure = as_failure(error)
        # Last, so that it is what `kubectl logs` ends with.
        log.debug("traceback", exc_info=error)
        log.error("%s: %s", failure.reason, failure.message)
        write_termination_message(failed(failure))
        return failure.exit_code


def _train(options: argparse.Namespace, interruption: Interruption) -> int:
    # Before the libraries: an error in the spec is reported at once, and no port is opened for it.
    spec = read_spec(options.spec)
    prepare_environment()
    # PyTorch takes seconds to import, and reads the environment while it does.
    from valence_trainer.http_server import serve_progress
    from valence_trainer.progress import Progress
    from valence_trainer.run import run

    progress = Progress()
    if options.metrics_port is not None:
        serve_progress(progress, options.metrics_port)
    try:
        result = run(spec, options.out, progress, interruption)
    except BaseException:
        progress.enter("Failed")
        raise
    write_termination_message(succeeded(result.digest, result.metrics))
    return EXIT_DONE


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> "None":  # type: ignore[override]
        """Wrong arguments are a wrong spec: the same command fails again."""
        self.print_usage(sys.stderr)
        write_termination_message(failed(Failure("SpecInvalid", message)))
        self.exit(EXIT_INVALID, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="valence-trainer", description="Trains or imports a sentiment model and writes it as an artifact.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, dest="command", parser_class=_Parser)
    train = commands.add_parser("train", help="train or import one version")
    train.add_argument("--spec", required=True, help="the spec as JSON, or @<file> holding it")
    train.add_argument("--out", required=True, type=Path, help="artifact storage; the artifact becomes <out>/<version>/")
    train.add_argument(
        "--metrics-port", type=_port, default=8001, help="port of /metrics and /progress, or 'off' (default: 8001)"
    )
    train.add_argument(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default=os.environ.get("LOG_LEVEL", "info").lower(),
        help="debug adds tracebacks (default: info, or LOG_LEVEL)",
    )
    return parser


def _port(text: str) -> int | None:
    if text == "off":
        return None
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port
