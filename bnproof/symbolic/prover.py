"""``prove``: refute exactly where possible, else decide by the power-sum normal form, for every
``m`` at once.

The order of the work matters. First the statement is evaluated exactly at a few small batches, so
that a false statement is refuted before any algebra is done. Then the normal form decides each case
of the statement. Last come further exact points at the edges, where entries are equal and scalars
are -1, 0 or 1. Two things have to come together for a ``Proof``: the normal form shows the
statement, and at least one exact point agrees with it.

Everything that is neither shown nor refuted raises ``Undecided``. No path leads from a doubt to a
proof.
"""

from __future__ import annotations

from typing import Any

from sympy.core.relational import Relational
from sympy.logic.boolalg import And, BooleanTrue

from bnproof.symbolic.deciding import CaseProof, Unequal
from bnproof.symbolic.index_cases import IndexCase, find_given_size, list_cases, list_concrete_cases
from bnproof.symbolic.outcomes import Proof, Refuted, Step, Undecided, Unreadable
from bnproof.symbolic.reading import read
from bnproof.symbolic.rendering import text
from bnproof.symbolic.search import LARGEST_BATCH, Search, suggest_every
from bnproof.symbolic.witnesses import Increasing, Induction, Remainder, Witness

# Only for a given batch size: each free index takes each value, so m = 4 with i, j, k has 64 cases.
# Every case is a proof of its own, which is why more are refused.
MOST_CASES = 64


def prove(statement: Any, *given: Any, by: Witness | None = None) -> Proof:
    """Prove a statement about batches for every batch size and every value the conditions allow.

    Parameters
    ----------
    statement
        A SymPy equation or inequality, a conjunction of them, ``true`` or ``false``, over the names
        of :mod:`bnproof.symbolic.setting`.  Free indices ``i``, ``j``, ``k`` lie in ``1..m``, for
        every ``m >= 1``; ``eps >= 0`` and ``v + eps > 0`` are assumed; a plain symbol is a real
        number.
    given
        Conditions such as ``Eq(eps, 0)``, ``m >= 2``, ``a > 0``, ``Every(x[i] > 0)``, one argument
        each.
    by
        What the proof rests on where the normal form alone does not decide: a ``Remainder``,
        ``Increasing`` or ``Induction``, which is itself proved. ``None`` leaves it to the normal
        form.

    Returns
    -------
    Proof
        The statement, its steps, and how many exact evaluations agreed with it.

    Raises
    ------
    Refuted
        With an exact counterexample.
    Undecided
        With the reason; also where the statement does not exist for some allowed value, such as a
        division by ``m - 1`` without ``m >= 2``.
    TypeError, ValueError
        For what is no statement, and for what cannot be read exactly as it is written.

    Notes
    -----
    SymPy decides some relations while they are built: ``v >= 0`` becomes ``True`` before ``prove``
    sees it. Write ``Ge(v, 0, evaluate=False)`` to have the relation itself proved.

    A conjunction is proved part by part, each under the same conditions. A proof of it has the
    steps of all parts, and the smallest of their numbers of points.

    Examples
    --------
    >>> from sympy import Eq, Sum
    >>> from bnproof.symbolic import Refuted, Undecided, eps, i, m, prove, xhat
    >>> proof = prove(Eq(Sum(xhat(i), (i, 1, m)), 0))
    >>> print(str(proof).splitlines()[0])
    Proved for every batch size m >= 1:

    A condition may be what makes a statement true. Here it is ``eps = 0``:

    >>> squares = Sum(xhat(i) ** 2, (i, 1, m)) / m
    >>> prove(Eq(squares, 1), Eq(eps, 0)).points > 0
    True
    >>> try:
    ...     prove(Eq(squares, 1))
    ... except Refuted as refuted:
    ...     print(refuted.counterexample.rhs)
    1

    What does not exist for every batch size is not proved, here because of ``m = 1``:

    >>> try:
    ...     prove(Eq(Sum(xhat(i) / (m - 1), (i, 1, m)), 0))
    ... except Undecided as undecided:
    ...     print(undecided)
    division by m - 1, which the conditions allow to be 0
    """
    if by is not None and not isinstance(by, (Remainder, Increasing, Induction)):
        raise TypeError(f"by= takes a witness (Remainder, Increasing or Induction), not {by!r}")
    try:
        return _settle(statement, given, by)
    # Deep nesting exhausts Python's stack inside SymPy as well as here. It decides nothing.
    except RecursionError:
        raise Undecided("the statement is nested more deeply than can be followed") from None
    # Unreadable is a ValueError too. It has to pass before the clause below turns it into a
    # verdict.
    except Unreadable:
        raise
    # SymPy refuses to rebuild an expression, such as a maximum of what is not real or a remainder
    # by 0, or a number in it is too large to be written out.
    except (ValueError, ArithmeticError, MemoryError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise Undecided(f"SymPy cannot follow it: {why}") from error


def _settle(statement: Any, given: tuple[Any, ...], by: Witness | None) -> Proof:
    """Search for a counterexample, prove, and search at the edges; a conjunction goes part by part.

    Raises ``Undecided`` where the normal form decides but no exact point could confirm it.
    """
    if isinstance(statement, And):
        if by is not None:
            raise Undecided(
                "a witness proves one relation: prove the parts of a conjunction one by one"
            )
        return _prove_conjunction(statement, given)
    remainder = by.expression if isinstance(by, Remainder) else None
    search = Search(read(statement, given, remainder))
    # Before any algebra: a false statement is refuted here, by Refuted passing through.
    search.run(count=2)
    try:
        steps = (
            _prove_by_witness(search, statement, given, by)
            if isinstance(by, (Increasing, Induction))
            else _prove_statement(search)
        )
    except Unequal as unequal:
        # Different normal forms do not refute. A longer search may: larger batches, then the edges.
        search.run(count=2, further=True)
        search.run(count=8, edges=True)
        raise Undecided(
            f"{unequal}, yet no exact counterexample was found{suggest_every(search.question)}"
        ) from None
    search.run(count=1, edges=True, most=3)  # entries that are equal, scalars of -1, 0 and 1
    if search.undefined:
        raise Undecided(f"the statement does not exist everywhere: {search.undefined}")
    # The normal form alone never gives a proof: the independent check has to have seen the
    # statement at least once.
    if not search.points:
        raise Undecided(
            search.obstacle
            or "no exact point that satisfies the conditions was found to check the proof"
        )
    return Proof(search.question.statement, search.question.given, tuple(steps), search.points)


def _prove_by_witness(
    search: Search, statement: Any, given: tuple[Any, ...], by: Increasing | Induction
) -> list[Step]:
    """Prove the statements that a witness reduces the statement to, and that the statement exists.

    A witness says nothing about whether the statement has a value everywhere. So every case of the
    statement itself is checked for existence here as well.
    """
    proofs = []
    for rule, part, conditions, witness in by.parts(statement, given):
        try:
            proofs.append((rule, prove(part, *conditions, by=witness)))
        except Refuted as refuted:  # the witness is wrong, which says nothing about the statement
            raise Undecided(f"the witness fails ({rule}): {refuted}") from refuted
    for case in list_cases(search.question):
        CaseProof(search, case).exists()
    return [
        Step(f"{rule}: {step.rule}", step.expression, step.why)
        for rule, proof in proofs
        for step in proof.steps
    ]


def _prove_conjunction(statement: And, given: tuple[Any, ...]) -> Proof:
    """Prove every part as it was received, each with all conditions."""
    proofs = [prove(part, *given) for part in statement.args]
    steps = tuple(step for proof in proofs for step in proof.steps)
    return Proof(statement, proofs[0].given, steps, min(proof.points for proof in proofs))


def _prove_statement(search: Search) -> list[Step]:
    """Decide the cases for every batch size at once, or for the one size that is given.

    Only where the general way fails and a condition such as ``Eq(m, 3)`` fixes the size, the sums
    are written out for that size, with every value of every free index as a case of its own.

    Raises
    ------
    Unequal
        Where the normal forms of the sides differ, which is no counterexample yet.
    Undecided
        Where a part is not known to exist, and where a given size leads to too much work.
    """
    question = search.question
    if not isinstance(question.statement, (Relational, BooleanTrue)):
        raise Unequal(f"{text(question.statement)} is not an identity")
    size = find_given_size(question)
    try:
        cases = list_cases(question)
        by_case = [_prove_case(search, case) for case in cases]
        for case, steps in zip(cases, by_case, strict=True):
            # A case that the conditions exclude has no steps, and no points either.
            if steps and len(cases) > 1:
                search.visit(case)
        return [step for steps in by_case for step in steps]
    # Written out entry by entry, a statement for one given size may be decided all the same.
    except (Unequal, Undecided):
        if size is None:
            raise
    count = size ** len(question.free_indices)
    if size > LARGEST_BATCH:
        raise Undecided(f"m = {size} is written out entry by entry up to {LARGEST_BATCH} only")
    if count > MOST_CASES:
        raise Undecided(f"m = {size} leaves {count} cases, more than {MOST_CASES}")
    concrete = list_concrete_cases(question, size)
    return [step for case in concrete for step in _prove_case(search, case)]


def _prove_case(search: Search, case: IndexCase) -> list[Step]:
    """The steps of one case, proved by the normal form."""
    return CaseProof(search, case).prove_steps()
