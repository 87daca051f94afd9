"""Points and frames: entries are drawn once, perturbed copies leave the point alone, and sums have
a budget."""

import pytest
from flint import fmpq
from sympy import IndexedBase, Sum, Symbol

from bnproof.symbolic.duals import Dual, create_level
from bnproof.symbolic.frames import BUDGET, Frame, NotEvaluable, Point, Spent, Undefined
from bnproof.symbolic.setting import g, m, x

a = Symbol("a", real=True)
p = Symbol("p", integer=True)
u = IndexedBase("u", real=True)


@pytest.fixture
def drawn():
    """What was drawn, in order."""
    return []


@pytest.fixture
def point(drawn):
    """A point with m = 3 whose entries are 0, 1, 2, ... in the order of drawing."""

    def draw(base, index):
        drawn.append((base, index))
        return fmpq(len(drawn) - 1)

    return Point({m: fmpq(3), a: fmpq(5)}, draw)


def test_an_entry_is_drawn_once(point, drawn):
    """It keeps its value, also where that value is 0."""
    assert [point.entry(x, (2,)), point.entry(x, (1,)), point.entry(x, (2,))] == [0, 1, 0]
    assert drawn == [(x, (2,)), (x, (1,))]


@pytest.mark.parametrize("base", [x, g], ids=str)
def test_a_batch_ends_at_m(point, base):
    """``x`` and ``g`` have the entries 1 to m; any other base has one at every index."""
    for index in (0, 4):
        with pytest.raises(Undefined, match="not an entry of a batch of 3"):
            point.entry(base, (index,))
        point.entry(u, (index,))
    point.entry(base, (3,))


def test_a_perturbed_copy_leaves_the_point_alone(point):
    """One coordinate has a dual unit in the copy; the others, and the point itself, stay."""
    level = create_level()
    before = point.entry(x, (1,)), point.entry(x, (2,))
    moved = point.perturb(x, (2,), level)
    assert (moved.entry(x, (2,)).value, moved.entry(x, (2,)).derivative) == (before[1], 1)
    assert (moved.entry(x, (1,)), point.entry(x, (1,)), point.entry(x, (2,))) == (
        before[0],
        *before,
    )
    scalar = point.perturb(a, (), level)
    assert isinstance(scalar.scalars[a], Dual)
    assert (point.scalars[a], scalar.scalars[m]) == (5, 3)
    with pytest.raises(NotEvaluable, match="no scalar here"):
        point.perturb(Symbol("b"), (), level)


def test_moving_keeps_what_is_bound_and_forgets_what_is_known(point):
    """A summation index has its value at the other point too, where it may change on its own."""
    frame = Frame(point, {}, {p: 2}, {"some mark": fmpq(7)})
    other = frame.move_to(point.perturb(a, (), create_level()))
    assert (other.bound, other.known) == ({p: 2}, {})
    other.bound[p] = 3
    assert frame.bound[p] == 2


def test_all_copies_draw_on_one_budget(point):
    """The budget may be used up exactly, and not exceeded by any copy."""
    frame = Frame(point, {})
    frame.spend(BUDGET - 1)
    frame.move_to(point).spend(1)
    with pytest.raises(NotEvaluable, match=str(BUDGET)):
        frame.spend(1)


def test_names_are_read_by_their_meaning(point):
    """A free symbol is itself unless a meaning says otherwise."""
    user = Symbol("a")
    assert Frame(point, {user: a}).read(user) == a
    assert Frame(point, {user: a}).read(m) == Frame(point, {}).read(m) == m


def test_an_empty_sum_is_made_up_for_by_a_term():
    """A sum that was empty in one place and had a term in another was looked at."""
    first, second = Sum(x[p], (p, 1, m)), Sum(g[p], (p, 1, m))
    assert Spent(added={first, second}, empty={first}).whole
    assert not Spent(added={first}, empty={first, second}).whole
