"""Bounds that follow from arithmetic, so that they hold on any processor.

Which sums a processor takes in which order decides the last digits of a float32. What
can be asked: no further from a float64 reference than a few times PyTorch's own
float32, and a distance in the norm, as an entry that nearly cancels has no digits.
"""

import copy

import torch

EPS = torch.finfo(torch.float32).eps
FEW = 5  # times PyTorch's own error
SAME = 1e-12  # in float64: another order of the same sums, and no other formula


def distance(one, other) -> float:
    """Relative Euclidean distance of two arrays, in float64."""
    one, other = (torch.as_tensor(x).detach().double() for x in (one, other))
    assert one.shape == other.shape
    return ((one - other).norm() / other.norm()).item()


def doubled(module):
    """A copy that computes in float64."""
    return copy.deepcopy(module).double()


def called(network, x):
    """What it gives; of a backbone, which gives more, the features."""
    out = network(x)
    return out[0] if isinstance(out, tuple) else out


def assert_same_function(ours, theirs, x) -> None:
    """Two networks of the same weights: one function, in float32 as exact as theirs."""
    exact = called(doubled(theirs), x.double())
    assert distance(called(doubled(ours), x.double()), exact) < SAME
    assert_as_exact(called(ours, x), called(theirs, x), exact)


def assert_as_exact(ours, theirs, exact) -> None:
    """Both are float32; `exact` is the same in float64, and never zero throughout."""
    torchs = max(distance(theirs, exact), EPS)
    own = distance(ours, exact)
    assert own <= FEW * torchs, f"{own:.1e} from float64, PyTorch's own {torchs:.1e}"
