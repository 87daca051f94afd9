"""Arguments by name: what a method gets, and what it hands on."""

import pytest

from bnproof.contract import METHODS
from bnproof.implementations.signatures import Arguments, pack_arguments


def name_everything(method):
    """Every argument of a method, by its own name."""
    return {name: name.upper() for name in (*method.parameters, *method.keywords)}


class Plain:
    """Answers with what it is called with."""

    def infer(self, *positional, **keywords):
        return positional, keywords


class Packed(Plain):
    """Hands its arguments on, with gamma left out."""

    @pack_arguments
    def infer(self, a):
        """Say it."""
        return a.call(super().infer, gamma=None)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_arguments_are_handed_on_as_the_contract_orders_them(method):
    """Positional ones in the table's order, whatever the order they came in, keywords by name."""
    given = name_everything(method)
    turned = dict(reversed(given.items()))
    positional, keywords = Arguments(method, turned).call(lambda *p, **k: (p, k))
    assert positional == tuple(given[name] for name in method.parameters)
    assert keywords == {name: given[name] for name in method.keywords}


def test_a_changed_argument_is_changed_there_alone():
    """The called function sees the other value, the arguments themselves stay."""
    a = Arguments(METHODS["infer"], name_everything(METHODS["infer"]))
    positional, keywords = a.call(lambda *p, **k: (p, k), gamma=None, eps=0.0)
    assert positional == ("X", None, "BETA", "RUNNING_MEAN", "RUNNING_VAR")
    assert keywords == {"eps": 0.0}
    assert (a.gamma, a.eps) == ("GAMMA", "EPS")


def test_an_argument_the_method_does_not_take_is_named():
    """An ``AttributeError`` says which method and which name, in one line."""
    a = Arguments(METHODS["infer"], name_everything(METHODS["infer"]))
    with pytest.raises(AttributeError, match=r"^infer takes no momentum$"):
        _ = a.momentum
    assert not hasattr(a, "dy")


def test_a_packed_method_takes_arguments_by_place_and_by_name():
    """Both ways give the same call, and the method keeps its name and its docstring."""
    by_place = Packed().infer("x", "g", "b", "m", "v", eps=1.0)
    by_name = Packed().infer("x", eps=1.0, running_var="v", beta="b", running_mean="m", gamma="g")
    assert by_place == by_name == (("x", None, "b", "m", "v"), {"eps": 1.0})
    assert (Packed.infer.__name__, Packed.infer.__doc__) == ("infer", "Say it.")


def test_only_methods_of_the_contract_are_packed():
    """A slip in the name of a method is noticed where the class is written."""
    with pytest.raises(KeyError, match="inferr"):

        @pack_arguments
        def inferr(self, a):
            return a
