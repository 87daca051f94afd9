"""The suite behind ``pytest --pyargs bnproof.suite``: one parameter for each law, and requests that
make no sense."""

from types import SimpleNamespace

import pytest

from bnproof.laws.law import load_laws
from bnproof.suite import test_laws as suite

GIVEN = {"--bn": "numpy", "--bn-effort": "quick", "--bn-seed": 3, "--bn-convention": None}


def collect(**changed):
    """What a test would be parametrised with, given these options of the command line."""
    options = GIVEN | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
    found = []
    suite.pytest_generate_tests(
        SimpleNamespace(
            config=SimpleNamespace(getoption=options.__getitem__),
            parametrize=lambda name, cases: found.append((name, cases)),
        )
    )
    return found


def test_every_law_is_a_test():
    """In the order in which laws are listed, as the argument that the test takes."""
    ((name, cases),) = collect()
    assert name == "law"
    assert [case.id for case in cases] == list(load_laws())


def test_options_reach_the_check():
    """Effort, seed and convention of the command line, and one check for all laws."""
    ((_, cases),) = collect(bn_convention="keras", bn_seed=8)
    shared = {id(case.values[0].suite): case.values[0].suite for case in cases}
    ((_, one),) = shared.items()
    options = one.options
    assert (options.effort, options.seed, options.convention) == ("quick", 8, "keras")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bn": None}, "--bn package.module:Name"),
        ({"bn": "nmupy"}, "try numpy"),
        ({"bn": "no_such_package:Name"}, "no module 'no_such_package'"),
        ({"bn_convention": "pytorch"}, "no convention 'pytorch'"),
    ],
)
def test_a_request_that_makes_no_sense_ends_the_run(changed, message):
    """With a usage error in one line, and nothing is parametrised."""
    with pytest.raises(pytest.UsageError, match=message) as refused:
        collect(**changed)
    assert "\n" not in str(refused.value)


def test_the_test_is_the_call_of_its_law():
    """What the law raises is what the test raises, and a law that holds passes."""

    def broken():
        raise AssertionError("as the law says")

    with pytest.raises(AssertionError, match="as the law says"):
        suite.test_law(broken)
    suite.test_law(lambda: None)
