"""valence-trainer: fine-tunes or imports a sentiment model and writes it as a Valence artifact."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("valence-trainer")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0.0.0+source"
