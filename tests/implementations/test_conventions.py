"""The named conventions: found by name, and that of PyTorch against PyTorch itself."""

import pytest
import torch

from bnproof.contract import Convention
from bnproof.implementations.conventions import NAMED, UnknownConvention, resolve_convention


@pytest.mark.parametrize("declared", ["Torch", "", None, 3, ["torch"], Convention], ids=str)
def test_what_is_no_name_is_refused_in_one_line(declared):
    """Another case, nothing, a number, a list (which no dictionary holds) and the class itself; the
    message shows it and lists the names."""
    with pytest.raises(UnknownConvention) as refused:
        resolve_convention(declared)
    message = str(refused.value)
    assert "\n" not in message
    assert repr(declared) in message
    assert all(name in message for name in NAMED)


def test_an_instance_is_taken_as_it_is():
    """A convention of one's own needs no name in the table."""
    own = Convention("torch", momentum="old", channel_axis=-1)
    assert resolve_convention(own) is own


def test_the_convention_of_torch_is_what_torch_does():
    """Batch (0, 2): mean 1, variance 1 biased and 2 unbiased; momentum 1/4 weighs the new or the
    old value."""
    module = torch.nn.BatchNorm1d(1, momentum=0.25)
    module(torch.tensor([[0.0], [2.0]]))
    declared = resolve_convention("torch")
    new = {"new": 0.25, "old": 0.75}[declared.momentum]
    var = {"biased": 1.0, "unbiased": 2.0}[declared.running_var]
    assert module.running_mean.item() == new
    assert module.running_var.item() == (1 - new) + new * var
    assert declared.one_value == "raise"
    with pytest.raises(ValueError, match="more than 1 value"):
        module(torch.ones(1, 1))
