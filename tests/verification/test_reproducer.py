"""Reproducers: programs that run with NumPy and the implementation alone, and print the values a
violation speaks of."""

import subprocess
import sys

import numpy as np
import pytest

from bnproof.implementations.conventions import resolve_convention
from bnproof.laws.law import load_laws
from bnproof.laws.supports import EVERYTHING, Supports
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification.reproducer import write_program, write_walk
from bnproof.verification.session import Session
from bnproof.verification.walk_judge import Walked
from bnproof.verification.walks import explore
from bnproof.wording import describe_measurement
from tests.laws.draws import by_hand, drawn, semantic, target
from tests.laws.test_degenerate import LeaksNaN
from tests.laws.test_sensitivity import ClipsUpstream

BROKEN = {
    "output": "F01",
    "running-variance": "R01",
    "inference-gradient-x": "I02",
    "fold-bias": "O01",
    "fold-weight": "O04",
    "double-backward-x": "G18",
    "shards-output": "S01",
    "shards-gradient-beta": "S04",
    "layout": "L05",
    "layout-gradient": "L04",
    "layout-shards": "L10",
    "layout-fold": "O21",
    "broadcast-gradient": "G15",
    "scale-eps": "F04",
    "output-variance": "F07",
    "gradient-sum": "G01",
    "negative-gamma": "F10",
    "gamma-matters": "G03",
    "one-value": "R05",
    "empty-batch": "R23",
    "empty-shard": "S05",
    "repeats": "F18",
}
KINDS = {law: list_mutants()[name].make for law, name in BROKEN.items()}
KINDS |= {"gradient-linear": ClipsUpstream, "channels-apart": LeaksNaN}
RELATIONS = ("scale-eps", "output-variance", "gradient-sum", "negative-gamma")


def name_of(model):
    """A target that can be imported."""
    return f"{model.__module__}:{model.__name__}"


def written(name, seen, case, convention, *kind):
    """The program of a violation."""
    message = describe_measurement(seen, load_laws()[seen.law].says)
    return write_program(name, seen, message, case, convention, *kind)


def shown(law, model, cases):
    """The first violation on these cases, its case, and the program."""
    session = Session(target(model), 0, EVERYTHING)
    for case in cases:
        seen = session.recheck(load_laws()[law], case)
        if seen is not None:
            return seen, case, written(name_of(model), seen, case, session.target.convention)
    raise AssertionError(f"{model.__name__} does not break {law}")


def printed(source):
    """What a program prints, as values: answers by name; and what it raises, in words."""
    lines, answers, raised = [], [], ""
    try:
        with np.errstate(all="ignore"):  # NaN handed in on purpose
            exec(
                compile(source, "reproducer", "exec"),
                {"print": lambda *values: lines.append(values)},
            )
    except (ValueError, RuntimeError) as error:  # what a target may raise
        raised = f"{type(error).__name__}: {error}"
    for names, value, *_ in lines:
        whole = value if isinstance(value, (tuple, list)) else (value,)
        answers.append(dict(zip(names.split(", "), whole, strict=True)))
    return answers, raised


@pytest.fixture(scope="module")
def cases():
    """One made by hand with positions, and some more."""
    return [by_hand(), *drawn(semantic(), 30)]


@pytest.mark.parametrize("law", KINDS)
def test_the_program_prints_the_value_that_was_seen(law, cases):
    """At its place, to the last bit; for a relation, every output it speaks of; or it raises what
    was raised."""
    seen, _, source = shown(law, KINDS[law], cases)
    assert describe_measurement(seen, load_laws()[law].says) in source
    answers, raised = printed(source)
    assert answers or raised
    assert not raised or raised in describe_measurement(seen, load_laws()[law].says)
    if seen.got is not None and seen.comparison == "value":  # which show a difference
        (quantity,) = seen.quantities
        values = [found[quantity] for found in answers if quantity in found]
        flat = [np.concatenate(v) if isinstance(v, list) else v for v in values]
        assert any(np.array_equal(float(v[seen.where]), seen.got, equal_nan=True) for v in flat)


@pytest.mark.parametrize(
    "law", ["layout", "scale-eps", "shards-output", "fold-bias", "running-variance"]
)
def test_the_program_runs_by_itself(law, cases, tmp_path):
    """In a process of its own, in any folder, without a warning."""
    seen, _, source = shown(law, KINDS[law], cases)
    (tmp_path / "reproducer.py").write_text(source)
    command = [sys.executable, "-W", "error", tmp_path / "reproducer.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert seen.quantities[0] in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_arguments_come_back_bit_for_bit(dtype):
    """In every dtype the program hands over what the case holds."""
    case = by_hand(dtype)
    session = Session(target(list_mutants()["R01"].make), 0, EVERYTHING)
    seen = session.recheck(load_laws()["running-variance"], case)
    names = {"print": lambda *values: None}
    exec(written(name_of(list_mutants()["R01"].make), seen, case, session.target.convention), names)
    for name in ("x", "gamma", "beta", "running_mean", "running_var"):
        held = getattr(case, name)
        assert (names[name].dtype, names[name].shape) == (held.dtype, held.shape)
        assert names[name].tobytes() == held.tobytes()


def test_absent_arguments_are_none():
    """gamma and beta that the case does without."""
    seen, _, source = shown(
        "running-variance", KINDS["running-variance"], [by_hand(gamma=None, beta=None)]
    )
    assert "gamma = None\nbeta = None\n" in source
    assert printed(source)[0][0][seen.quantities[0]] is not None


def test_a_file_is_loaded_by_its_path(tmp_path):
    """path/to/file.py:Name, from wherever it runs; a class is instantiated, an instance is taken as
    it is."""
    own = (
        "from bnproof.mutants.running import BiasedVarianceTracked\nMade ="
        " BiasedVarianceTracked()\n"
    )
    (tmp_path / "mine.py").write_text(own)
    seen, case, _ = shown("running-variance", KINDS["running-variance"], [by_hand()])
    for name in ("BiasedVarianceTracked", "Made"):
        source = written(f"{tmp_path / 'mine.py'}:{name}", seen, case, resolve_convention("torch"))
        assert printed(source)[0][0][seen.quantities[0]][seen.where] == seen.got


def test_what_cannot_be_imported_is_left_to_the_reader():
    """A place to put it, and everything else."""
    seen, case, _ = shown("running-variance", KINDS["running-variance"], [by_hand()])
    assert "implementation = ...  # put the Local that was checked here" in written(
        "Local", seen, case, resolve_convention("torch")
    )


@pytest.mark.parametrize("law", ["shards-output", "layout", "output"])
def test_long_arrays_are_made_not_printed(law):
    """A batch too long to print is drawn anew; the program is a program."""
    random = np.random.default_rng(0)
    x, dy = random.normal(2, 1, size=(2, 9001, 2)).astype(np.float32)
    long = by_hand(x=x, dy=dy, ddx=None, parts=(1, 9000), layer=None)
    variants = [by_hand(**{**vars(long), "x": x + np.float32(n)}) for n in range(8)]
    model = KINDS[law]
    session = Session(target(model), 0, EVERYTHING)
    seen = next(
        found for case in variants if (found := session.recheck(load_laws()[law], case)) is not None
    )
    source = written(name_of(model), seen, long, session.target.convention)
    assert len(source) < 20_000
    assert printed(source)[0]


# -- layers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["R11", "R13-layer", "R16", "R21", "I05", "G21"])
def test_a_sequence_is_a_program(name):
    """The calls that lead to the violation, with what they print."""
    model = list_mutants()[name].make
    wanted = frozenset(law.id for law in load_laws().values() if law.measure is None)
    found = explore(Walked(model, resolve_convention("torch"), EVERYTHING, wanted))
    for law, broken in found.items():
        message = describe_measurement(broken.seen, load_laws()[law].says)
        source = write_walk(name_of(model), law, message, broken.steps)
        lines = []
        exec(
            compile(source, "sequence", "exec"),
            {"print": lambda *values, to=lines: to.append(values)},
        )
        assert "layer" in source
        assert message in source
        assert lines
        # laws about the state, which has to be seen
        if law in ("fresh-state", "sequence-frozen", "sequence-reload"):
            assert "running_mean" in str(lines[-1])


def test_a_sequence_in_half_precision_runs_by_itself(tmp_path):
    """bfloat16 is made known to NumPy by the program, not by luck."""
    own = (
        "from bnproof.mutants.inference import SumsHandedOut\n\nclass Half(SumsHandedOut):\n   "
        " pass\n"
    )
    (tmp_path / "mine.py").write_text(own)
    law = load_laws()["sequence-statistics"]
    make, supports = list_mutants()["I05"].make, Supports(dtypes=("bfloat16",))
    walked = Walked(make, resolve_convention("torch"), supports, frozenset({law.id}))
    (broken,) = explore(walked).values()
    message = describe_measurement(broken.seen, law.says)
    source = write_walk(f"{tmp_path / 'mine.py'}:Half", broken.law, message, broken.steps)
    (tmp_path / "reproducer.py").write_text(source)
    done = subprocess.run(
        [sys.executable, tmp_path / "reproducer.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "running_mean" in done.stdout


def test_a_violation_that_reads_from_state_asks_through_the_adapter(cases):
    """Laws of single calls on a layer run through the module that sets its state."""
    model = list_mutants()["R09-layer"].make
    session = Session(target(model), 0, EVERYTHING)
    case = next(case for case in cases if session.recheck(load_laws()["running-mean"], case))
    seen = session.recheck(load_laws()["running-mean"], case)
    source = written(name_of(model), seen, case, session.target.convention, "layer")
    assert float(printed(source)[0][0]["running_mean"][seen.where]) == seen.got


@pytest.mark.parametrize("name", ["F12", "O14"])
def test_an_argument_that_is_modified_is_shown_before_and_after(name, cases):
    """The program prints something that tells them apart."""
    _, _, source = shown("untouched", list_mutants()[name].make, cases)
    before, after = changed_by(source)
    assert before != after
    lines = []
    exec(
        compile(source, "reproducer", "exec"),
        {"print": lambda *values: lines.append(" ".join(map(str, values)))},
    )
    assert len(lines) > 1, "a single line shows the answer alone"


def changed_by(source):
    """The arguments' bytes before the call and after."""
    names = {"print": lambda *values: None}
    lines = source.splitlines()
    call = next(n for n, line in enumerate(lines) if line.startswith("print("))
    exec("\n".join(lines[:call]), names)
    arrays = {name: value for name, value in names.items() if isinstance(value, np.ndarray)}
    before = {name: value.tobytes() for name, value in arrays.items()}
    exec("\n".join(lines[call:]), names)
    return before, {name: value.tobytes() for name, value in arrays.items()}
