"""Every named term of the compiled tier's error bound is needed: with a term left out, a stage
misses the exact value.

Each scenario is made for one term: where it carries over an input's radius, that radius is wide and
the true input lies at its end; where it stands for rounding, the inputs are exact; underflow has
tiny numbers.
"""

from collections.abc import Callable

import numpy as np
import pytest
from flint import arb

from bnproof.certify import compiled, errors
from bnproof.certify.enclosure import Enclosure
from bnproof.certify.entrywise import Back, Map, run_affine, run_input_gradient
from bnproof.certify.lanes import Lanes
from bnproof.certify.moments import (
    Centred,
    Source,
    Upstream,
    build_enclosure,
    centre_batch,
    stack_words,
)
from bnproof.certify.refine import Width
from bnproof.formats import Format
from bnproof.lowering.numbers import precision

WIDTH = Width(Format.from_dtype(np.float64), 20)
RANDOM = np.random.default_rng(11)
WIDE = 2.0**-20


@pytest.fixture(autouse=True)
def _same_numbers(monkeypatch):
    """Every scenario draws the same numbers, whichever ran before."""
    monkeypatch.setitem(globals(), "RANDOM", np.random.default_rng(11))


def inside(found: Enclosure, true: list[arb]) -> bool:
    """Whether every entry holds its exact value."""
    entries = zip(
        true, *(w.reshape(-1).tolist() for w in (found.mid, found.low, found.rad)), strict=True
    )
    return all(abs(exact - arb(mid) - arb(low)) <= arb(rad) for exact, mid, low, rad in entries)


def words(values: np.ndarray, rad: float = 0.0) -> Enclosure:
    """Double words with a relative radius."""
    low = values * 2.0**-55 * RANDOM.uniform(-1, 1, values.shape)
    return Enclosure(values, low, np.abs(values) * rad)


def ends(e: Enclosure, sign: int) -> list[arb]:
    """The true values at one end of the intervals."""
    entries = zip(e.mid.tolist(), e.low.tolist(), e.rad.tolist(), strict=True)
    return [arb(mid) + arb(low) + sign * arb(rad) for mid, low, rad in entries]


def normal(n: int = 200) -> np.ndarray:
    """Magnitudes around 1, both signs."""
    return RANDOM.normal(size=n)


# -- the sums --------------------------------------------------------------------------------------


def sum_stage(values: list[float]) -> bool:
    """``r`` of a channel about 0."""
    x = np.array(values)[:, None]
    lanes = Lanes.from_array(x)
    found = centre_batch(Source(x, lanes, lanes.flatten(x), np.zeros(lanes.strips * compiled.W)))
    return inside(found.r, [sum(map(arb, values), arb(0)) / len(values) - arb(found.c[0])])


def mean_sums() -> bool:
    """Values so far apart, and cancelling, that the third level of the sum rounds and nothing else
    does."""
    return sum_stage([1, 2.0**-60, 2.0**-120, 2.0**-180, -1, -(2.0**-60), -(2.0**-120)])


def mean_rounding() -> bool:
    """An exact sum with an inexact quotient."""
    return sum_stage([1.0, 0, 0, 0, 0, 0, 0])


def variance_rounding() -> bool:
    """Random channels."""
    x = RANDOM.normal(size=(9, 40))
    found = centre_batch(Source.from_array(x))
    columns = [[arb(value) for value in column] for column in x.T.tolist()]
    means = [sum(column, arb(0)) / len(column) for column in columns]
    return inside(
        found.v,
        [
            sum(((e - m) ** 2 for e in c), arb(0)) / len(c)
            for c, m in zip(columns, means, strict=True)
        ],
    )


def variance_mean() -> bool:
    """A residual known to a wide radius."""
    r, second = words(normal() / 4, WIDE), words(1 + normal() ** 2)
    found = build_enclosure(
        compiled.subtract_products(stack_words(second), stack_words(r), stack_words(r)),
        errors.variance(2, r, second.mid),
    )
    return all(
        inside(found, [a - b**2 for a, b in zip(ends(second, 0), ends(r, s), strict=True)])
        for s in (-1, 1)
    )


# -- the scale -------------------------------------------------------------------------------------


def scale_stage(v_radius: float) -> bool:
    """``gamma/sqrt(v + eps)``."""
    v, gamma = words(normal() ** 2, v_radius), normal()
    of = Map(place(len(gamma), v=v), gamma, 0 * gamma, 1e-3)
    return all(
        inside(
            of.a,
            [
                arb(g) / (e + arb(1e-3)).sqrt()
                for g, e in zip(gamma.tolist(), ends(v, s), strict=True)
            ],
        )
        for s in (-1, 1)
    )


def place(
    n: int,
    c: np.ndarray | None = None,
    r: Enclosure | None = None,
    v: Enclosure | None = None,
    m: int = 5,
) -> Centred:
    """Statistics with chosen values and radii."""
    none = np.zeros(n, dtype=bool)
    zero = Enclosure.from_floats(np.zeros(n))
    chosen = (np.zeros(n) if c is None else c, r or zero, v or Enclosure.from_floats(np.ones(n)))
    return Centred(
        m, *chosen, none, none, none, lambda j: pytest.fail("no entry is to be refined here")
    )


# -- the output ------------------------------------------------------------------------------------


def scaled(of: Map, a: Enclosure) -> Map:
    """The map with a chosen scale in place of ``gamma/sqrt(v + eps)``."""
    of.__dict__["a"] = a
    return of


def output_stage(x: np.ndarray, of: Map, a_sign: int = 0, r_sign: int = 0) -> bool:
    """One row of outputs, a channel each, at chosen ends of the radii of a and r."""
    row = x[None]
    lanes = Lanes.from_array(row)
    found = run_affine(lanes, lanes.flatten(row), of, WIDTH)[0]
    plain = x.tolist(), of.place.c.tolist(), of.beta.tolist()
    parts = zip(*plain, ends(of.a, a_sign), ends(of.place.r, r_sign), strict=True)
    return inside(found, [a * (arb(e) - arb(c) - r) + arb(b) for e, c, b, a, r in parts])


def output(*, cancel: bool = False, a_radius: float = 0.0, r_radius: float = 0.0) -> bool:
    """Random outputs with chosen radii; with a beta that nearly cancels."""
    n, results = 200, []
    for _ in range(5):
        x, c, r, a = normal(n), normal(n), words(normal(n), r_radius), words(normal(n), a_radius)
        b = -(a.mid * (x - c - r.mid)) if cancel else np.zeros(n)
        of = scaled(Map(place(n, c, r), np.ones(n), b, 0.0), a)
        results += [output_stage(x, of, i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return all(results)


def output_underflow() -> bool:
    """Differences of 2^-1010: the product's lower word is lost."""
    n = 200
    return output_stage(
        normal(n) * 2.0**-1010,
        scaled(Map(place(n), np.ones(n), np.zeros(n), 0.0), words(normal(n))),
    )


# -- the gradients ---------------------------------------------------------------------------------


def upstream_sums() -> bool:
    """As for the mean: the third level rounds."""
    return upstream_stage([1, 2.0**-60, 2.0**-120, 2.0**-180, -1, -(2.0**-60), -(2.0**-120)])


def upstream_rounding() -> bool:
    """A sum of three words: the last one is dropped."""
    return upstream_stage([1, 2.0**-60, 2.0**-120, 0, 0, 0, 0])


def upstream_stage(values: list[float]) -> bool:
    """``S = sum g`` about 0."""
    sums = gradient_sums(np.ones(len(values)), np.array(values))
    total = compiled.to_double_words(np.ascontiguousarray(sums[:, :3]))
    depth = Lanes.from_array(np.ones((len(values), 1))).depth()
    found = build_enclosure(total, errors.upstream_sum(depth, total[:, 0], sums[:, 6]))
    return inside(found, [sum(map(arb, values), arb(0))])


def gradient_sums(x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The kernel's sums for one channel, both centres 0."""
    lanes = Lanes.from_array(x[:, None])
    zero = np.zeros(1)
    return lanes.sum_channels(
        compiled.sum_gradients, (x, g), lanes.order_parameters(zero, zero), numbers=10, threefold=2
    )


def mean_of_upstream(radius: float) -> bool:
    """``S/m``."""
    total = words(normal(), radius)
    found = compiled.quotients(stack_words(total), 7.0)
    result = build_enclosure(found, errors.upstream_mean(7, total, found[:, 0]))
    return all(inside(result, [e / 7 for e in ends(total, s)]) for s in (-1, 1))


def products_stage(scale: float) -> bool:
    """``P = sum g x``."""
    results = []
    for _ in range(100):
        x, g = normal(3) * scale, normal(3)
        sums = gradient_sums(x, g)
        words_ = compiled.to_double_words(np.ascontiguousarray(sums[:, 3:6]))
        found = build_enclosure(words_, errors.products(5, 3, sums[:, 7], sums[:, 6]))
        results.append(
            inside(
                found,
                [
                    sum(
                        (arb(a) * arb(b) for a, b in zip(x.tolist(), g.tolist(), strict=True)),
                        arb(0),
                    )
                ],
            )
        )
    return all(results)


def covariance_stage(p_radius: float = 0.0, s_radius: float = 0.0, r_radius: float = 0.0) -> bool:
    """``T = P - r S``."""
    p, s, r = words(normal(), p_radius), words(normal(), s_radius), words(normal(), r_radius)
    found = build_enclosure(
        compiled.subtract_products(stack_words(p), stack_words(r), stack_words(s)),
        errors.covariance(p, s, r),
    )
    return all(
        inside(
            found, [a - b * c for a, b, c in zip(ends(p, i), ends(r, j), ends(s, k), strict=True)]
        )
        for i in (-1, 1)
        for j in (-1, 1)
        for k in (-1, 1)
    )


def slope_stage(t_radius: float = 0.0, v_radius: float = 0.0) -> bool:
    """``T/(m (v + eps))``."""
    joint, v = words(normal(), t_radius), words(normal() ** 2, v_radius)
    found = back(normal(), v=v, joint=joint, eps=0.5).k
    return all(
        inside(
            found,
            [t / (5 * (e + arb(0.5))) for t, e in zip(ends(joint, i), ends(v, j), strict=True)],
        )
        for i in (-1, 1)
        for j in (-1, 1)
    )


def back(
    gamma: np.ndarray, *, c=None, r=None, v=None, joint=None, c_g=None, r_g=None, eps: float = 0.0
) -> Back:
    """A gradient map with chosen values and radii, m = 5."""
    n = len(gamma)
    none, zero = np.zeros(n, dtype=bool), Enclosure.from_floats(np.zeros(n))
    sizes = np.ones(n), np.ones(n)
    refused = lambda j: pytest.fail("no entry is to be refined here")  # noqa: E731
    centre = np.zeros(n) if c_g is None else c_g
    up = Upstream(centre, r_g or zero, joint or zero, *sizes, none, none, none, none, refused)
    return Back(Map(place(n, c, r, v), gamma, zero.mid, eps), up)


def gradient(
    of: Back, x: np.ndarray, g: np.ndarray, signs: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> bool:
    """One row of input gradients, a channel each, at chosen ends of the radii of r, a, r_g and
    k."""
    row, up = x[None], g[None]
    lanes = Lanes.from_array(row)
    found = run_input_gradient(lanes, lanes.flatten(row), lanes.flatten(up), of, WIDTH)[0]
    chosen = [
        ends(e, s)
        for e, s in zip((of.forward.place.r, of.forward.a, of.up.r, of.k), signs, strict=True)
    ]
    plain = (x.tolist(), g.tolist(), of.forward.place.c.tolist(), of.up.c.tolist())
    parts = zip(*plain, *chosen, strict=True)
    return inside(
        found,
        [
            a * (arb(h) - arb(c_g) - r_g - (arb(e) - arb(c) - r) * k)
            for e, h, c, c_g, r, a, r_g, k in parts
        ],
    )


def gradients(
    *, cancel: bool = False, at_centre: bool = False, slope: bool = True, **radii: float
) -> bool:
    """Random gradients with chosen radii; optionally where they cancel, or at x = c."""
    n, results = 200, []
    for _ in range(3):
        r, r_g, a = (words(normal(n), radii.get(name, 0.0)) for name in ("r", "g", "a"))
        k = words(normal(n), radii.get("k", 0.0)) if slope else Enclosure.from_floats(np.zeros(n))
        c = normal(n)
        of = back(np.ones(n), c=c, r=r, c_g=normal(n), r_g=r_g)
        scaled(of.forward, a)
        of.__dict__["k"] = k
        x = c.copy() if at_centre else normal(n)
        g = of.up.c + r_g.mid + (x - c - r.mid) * k.mid if cancel else normal(n)
        signs = [(i, j, e, f) for i in (-1, 1) for j in (-1, 1) for e in (-1, 1) for f in (-1, 1)]
        results += [gradient(of, x, g, chosen) for chosen in signs]
    return all(results)


def gradient_underflow() -> bool:
    """Upstream gradients of 2^-1010 at x = c."""
    n = 200
    of = back(np.ones(n))
    scaled(of.forward, words(normal(n)))
    of.__dict__["k"] = Enclosure.from_floats(np.zeros(n))
    return gradient(of, np.zeros(n), normal(n) * 2.0**-1010)


SCENARIOS: dict[str, Callable[[], bool]] = {
    "mean_residual: sums": mean_sums,
    "mean_residual: rounding": mean_rounding,
    "variance: rounding": variance_rounding,
    "variance: mean": variance_mean,
    "scale: variance": lambda: scale_stage(WIDE),
    "scale: rounding": lambda: scale_stage(0.0),
    "affine_output: scale": lambda: output(a_radius=WIDE),
    "affine_output: rounding": output,
    "affine_output: scale at b": lambda: output(cancel=True, a_radius=WIDE),
    "affine_output: rounding at b": lambda: output(cancel=True),
    "affine_output: mean": lambda: output(cancel=True, r_radius=WIDE),
    "affine_output: underflow": output_underflow,
    "upstream_sum: sums": upstream_sums,
    "upstream_sum: rounding": upstream_rounding,
    "upstream_mean: sums": lambda: mean_of_upstream(WIDE),
    "upstream_mean: rounding": lambda: mean_of_upstream(0.0),
    "products: products": lambda: products_stage(1.0),
    "products: underflow": lambda: products_stage(2.0**-1010),
    "covariance: products": lambda: covariance_stage(p_radius=WIDE),
    "covariance: mean": lambda: covariance_stage(r_radius=WIDE),
    "covariance: upstream sum": lambda: covariance_stage(s_radius=WIDE),
    "covariance: rounding": covariance_stage,
    "slope: covariance": lambda: slope_stage(t_radius=WIDE),
    "slope: variance": lambda: slope_stage(v_radius=WIDE),
    "slope: rounding": slope_stage,
    "input_gradient: scale": lambda: gradients(slope=False, a=WIDE),
    "input_gradient: rounding": lambda: gradients(slope=False),
    "input_gradient: slope": lambda: gradients(cancel=True, k=WIDE),
    "input_gradient: upstream mean": lambda: gradients(slope=False, g=WIDE),
    "input_gradient: mean": lambda: gradients(r=WIDE),
    "input_gradient: slope at c": lambda: gradients(at_centre=True, k=WIDE),
    "input_gradient: underflow": gradient_underflow,
}


def terms() -> set[str]:
    """All terms of all stages, found by calling each stage on ones."""
    one = Enclosure(*np.ones((3, 1)))
    ones = np.ones(1)
    stages = {
        "mean_residual": errors.mean_residual(2, 2, ones, ones),
        "variance": errors.variance(2, one, ones),
        "scale": errors.scale(ones, one, ones),
        "affine_output": errors.affine_output(one, one, ones),
        "upstream_sum": errors.upstream_sum(2, ones, ones),
        "upstream_mean": errors.upstream_mean(2, one, ones),
        "products": errors.products(2, 2, ones, ones),
        "covariance": errors.covariance(one, one, one),
        "slope": errors.slope(ones, one, one, ones, 2),
        "input_gradient": errors.input_gradient(one, one, one, one),
    }
    return {f"{stage}: {name}" for stage, found in stages.items() for name in names(found)}


def names(found) -> set[str]:
    """The terms of one bound or of several."""
    return set().union(*found) if isinstance(found, tuple) else set(found)


def without(monkeypatch, term: str) -> None:
    """Leave one term out wherever its stage names it."""
    stage, name = term.split(": ")
    whole = getattr(errors, stage)

    def faulty(*arguments):
        def dropped(found):
            return {n: 0 * value if n == name else value for n, value in found.items()}

        found = whole(*arguments)
        return tuple(map(dropped, found)) if isinstance(found, tuple) else dropped(found)

    monkeypatch.setattr(errors, stage, faulty)


def test_there_is_a_scenario_for_every_term():
    """No term of the bound goes untried."""
    assert set(SCENARIOS) == terms()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("term", SCENARIOS)
def test_the_whole_bound_holds_and_a_fault_in_a_term_is_caught(monkeypatch, term):
    """The stage holds the exact values; without the term it does not."""
    with precision(4000):
        assert SCENARIOS[term]()
        without(monkeypatch, term)
        assert not SCENARIOS[term]()
