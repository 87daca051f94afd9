"""The options of the plugin: their names, what they are without being given, and what is
refused."""

import pytest

from bnproof.pytest_plugin import pytest_addoption


@pytest.fixture
def parser():
    """A parser of pytest with the options of this plugin alone."""
    made = pytest.Parser(_ispytest=True)
    pytest_addoption(made)
    return made


def test_without_options_nothing_is_checked(parser):
    """No target, the declared convention, and the effort and the seed of ``bnproof.check``."""
    given = vars(parser.parse([]))
    assert given["bn"] is None
    assert given["bn_convention"] is None
    assert (given["bn_effort"], given["bn_seed"]) == ("standard", 0)


def test_options_are_read(parser):
    """The seed as a whole number, the rest as text."""
    options = ["--bn", "pack.age:Name", "--bn-seed", "7", "--bn-effort", "quick"]
    given = parser.parse([*options, "--bn-convention=keras"])
    assert (given.bn, given.bn_seed) == ("pack.age:Name", 7)
    assert (given.bn_effort, given.bn_convention) == ("quick", "keras")


@pytest.mark.parametrize("options", [["--bn-effort", "fast"], ["--bn-seed", "first"]])
def test_an_effort_or_a_seed_that_is_none_is_refused(options, parser):
    """When pytest reads its options, before any test is made."""
    with pytest.raises(pytest.UsageError, match="--bn-"):
        parser.parse(options)


def test_every_option_begins_alike(parser):
    """Options of other plugins cannot meet them."""
    names = [name for option in parser.getgroup("bnproof").options for name in option.names()]
    assert len(names) == 4
    assert all(name == "--bn" or name.startswith("--bn-") for name in names)
