"""Hypothesis profiles (reproducible in CI, no deadlines anywhere: timing is noisy), and one thread
a process."""

import os

from hypothesis import settings

# before PyTorch is loaded: workers of xdist share the cores
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("dev", deadline=None, max_examples=50)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


FRAMEWORKS = {"test_flax.py": "flax", "test_keras.py": "keras", "test_onnx.py": "onnx"}


def pytest_ignore_collect(collection_path, config):
    """Frameworks clash inside one process: their tests are only looked at when asked for, with
    ``-m flax`` and so on.

    ``tests/external`` is somebody else's package, which runs away from here.
    """
    if collection_path.name == "external":
        return True
    mark = FRAMEWORKS.get(collection_path.name)
    return True if mark and mark not in config.option.markexpr.split() else None
