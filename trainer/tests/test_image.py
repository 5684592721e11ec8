import re
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

TRAINER = Path(__file__).parents[1]


def test_the_lock_without_cuda_has_all_that_pytorch_needs():
    """With TORCH_INDEX the image takes PyTorch alone from that index, and the rest from the lock."""
    dockerfile = (TRAINER / "Dockerfile").read_text()
    assert '--no-deps --index-url "${TORCH_INDEX}"' in dockerfile
    skipped = re.search(r"skip = /\^(\(.+?\))/", dockerfile)[1]
    locked = set(re.findall(r"^([a-z0-9-]+)==", (TRAINER / "requirements.lock").read_text(), re.MULTILINE))
    # The image's Python and system, and none of the extras.
    image = {
        "python_version": "3.11",
        "python_full_version": "3.11.2",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "extra": "",
    }
    needed = {
        needs.name
        for needs in map(Requirement, requires("torch"))
        if (needs.marker is None or needs.marker.evaluate(image)) and not re.match(skipped, f"{needs.name}==")
    }
    assert "sympy" in needed
    assert needed <= locked
