"""``bnproof tolerance``: files in, pairs for allclose out, one line for what cannot be done."""

import json
import re
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import bnproof
from bnproof.cli import group


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with a batch, an upstream gradient and running statistics."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    arrays = {
        "x": rng.standard_normal((4, 2, 3)).astype(np.float32),
        "dy": rng.standard_normal((4, 2, 3)).astype(np.float32),
        "mean": np.zeros(2, np.float32),
        "var": np.ones(2, np.float32),
        "far": 1000 + rng.random((4, 2)).astype(np.float32),
    }
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)
    return arrays


def run(words):
    """Standard output of the command."""
    result = CliRunner().invoke(group, ["tolerance", *words.split()], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.stdout


def test_the_pairs_are_those_of_the_function(files):
    """For every quantity that was asked about, to the last digit."""
    printed = json.loads(
        run(
            "x.npy --eps 1e-5 --dy dy.npy --running-mean mean.npy --running-var var.npy"
            " --momentum 0.1 --compute bfloat16 --format json"
        )
    )
    allowed = bnproof.tolerance(
        files["x"],
        eps=1e-5,
        dy=files["dy"],
        running=(files["mean"], files["var"]),
        momentum=0.1,
        compute="bfloat16",
    )
    assert printed["arithmetic"] == "bfloat16 arithmetic with sums in float32"
    pairs = {row["quantity"]: (row["rtol"], row["atol"]) for row in printed["tolerances"]}
    assert pairs == {name: allowed.as_allclose(name) for name in allowed.exact}
    assert list(pairs) == ["y", "dx", "dgamma", "dbeta", "running_mean", "running_var"]


def test_exact_values_and_tolerances_are_written(files):
    """Beside nothing half-written."""
    run("x.npy --eps 1e-5 --inference --running-mean mean.npy --running-var var.npy --out t.npz")
    with np.load("t.npz") as written:
        assert sorted(written) == ["exact_y", "tolerance_y"]
        assert np.allclose(written["exact_y"], files["x"] / np.sqrt(1 + 1e-5))
    assert list(Path().glob("*.part*")) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("nope.npy --eps 1", "nope.npy cannot be read: No such file"),
        ("text.npy --eps 1", "text.npy is no array that numpy.save wrote"),
        ("x.npy --eps -1", "eps is -1.0: give a number >= 0"),
        ("x.npy --eps 1 --running-mean mean.npy", "give both --running-mean and --running-var"),
        ("x.npy --eps 1 --inference", "inference needs running statistics"),
        ("x.npy --eps 1 --compute float8", "compute is 'float8': use one of"),
        ("x.npy --eps 1 --gamma x.npy", "gamma has shape"),
        ("far.npy --eps 0 --formula one-pass", "has no bound in channels 0, 1"),
        ("x.npy --eps 1 --out nowhere/t.npz", "cannot write nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line(files, words, reason):
    """Which the command prints with exit status 2."""
    Path("text.npy").write_text("hello", encoding="utf-8")
    with pytest.raises(click.ClickException, match=re.escape(reason)) as refused:
        run(words)
    assert "\n" not in refused.value.format_message()
