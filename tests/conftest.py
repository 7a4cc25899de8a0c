"""What every test shares: one thread, and no folder of the user's."""

import hypothesis
import pytest
import torch

from tests.tiny import blobs

# a busy core is no reason to fail
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tiny tensors only; several threads would cost time, and bits."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, monkeypatch):
    """Runs and decoded images of a test stay out of the user's folders."""
    monkeypatch.setenv("MOCOLIB_RUNS", str(tmp_path_factory.mktemp("runs")))
    monkeypatch.setenv("MOCOLIB_DATA", str(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="session")
def data():
    """96 training and 30 test images of three classes, in colour."""
    return blobs()
