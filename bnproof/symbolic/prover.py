"""``prove``: refute exactly where possible, else decide by the power-sum normal form, for every
``m`` at once."""

from __future__ import annotations

from typing import Any

from sympy.core.relational import Relational
from sympy.logic.boolalg import And, BooleanTrue

from bnproof.symbolic.cases import IndexCase, find_given_size, list_cases, list_concrete_cases
from bnproof.symbolic.deciding import CaseProof, Unequal
from bnproof.symbolic.outcomes import Proof, Refuted, Step, Undecided, Unreadable
from bnproof.symbolic.reading import read
from bnproof.symbolic.rendering import text
from bnproof.symbolic.search import LARGEST_BATCH, Search, suggest_every
from bnproof.symbolic.witnesses import Increasing, Induction, Remainder, Witness

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
        Conditions such as ``Eq(eps, 0)``, ``m >= 2``, ``a > 0``, ``Every(x[i] > 0)``.
    by
        What the proof rests on where the normal form alone does not decide: a ``Remainder``,
        ``Increasing`` or ``Induction``, which is itself proved.

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

    Examples
    --------
    >>> from sympy import Eq, Sum
    >>> from bnproof.symbolic import i, m, prove, xhat
    >>> proof = prove(Eq(Sum(xhat(i), (i, 1, m)), 0))
    >>> print(str(proof).splitlines()[0])
    Proved for every batch size m >= 1:
    """
    if by is not None and not isinstance(by, (Remainder, Increasing, Induction)):
        raise TypeError(f"by= takes a witness (Remainder, Increasing or Induction), not {by!r}")
    try:
        return _settle(statement, given, by)
    except RecursionError:
        raise Undecided("the statement is nested more deeply than can be followed") from None
    except Unreadable:
        raise
    except (
        ValueError
    ) as error:  # SymPy refuses to rebuild an expression, such as a maximum of what is not real
        raise Undecided(f"SymPy cannot follow it: {error}") from error


def _settle(statement: Any, given: tuple[Any, ...], by: Witness | None) -> Proof:
    if isinstance(statement, And):
        if by is not None:
            raise Undecided(
                "a witness proves one relation: prove the parts of a conjunction one by one"
            )
        return _prove_conjunction(statement, given)
    remainder = by.expression if isinstance(by, Remainder) else None
    search = Search(read(statement, given, remainder))
    search.run(count=2)
    try:
        steps = (
            _prove_by_witness(search, statement, given, by)
            if isinstance(by, (Increasing, Induction))
            else _prove_statement(search)
        )
    except Unequal as unequal:
        search.run(count=2, further=True)
        search.run(count=8, edges=True)
        raise Undecided(
            f"{unequal}, yet no exact counterexample was found{suggest_every(search.question)}"
        ) from None
    search.run(count=1, edges=True, most=3)  # entries that are equal, scalars of -1, 0 and 1
    if search.undefined:
        raise Undecided(f"the statement does not exist everywhere: {search.undefined}")
    if not search.points:
        raise Undecided(
            search.obstacle
            or "no exact point that satisfies the conditions was found to check the proof"
        )
    return Proof(search.question.statement, search.question.given, tuple(steps), search.points)


def _prove_by_witness(
    search: Search, statement: Any, given: tuple[Any, ...], by: Increasing | Induction
) -> list[Step]:
    """The statements a witness reduces the statement to, each proved; the statement itself has to
    exist everywhere."""
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
    """Every part as it was received."""
    proofs = [prove(part, *given) for part in statement.args]
    steps = tuple(step for proof in proofs for step in proof.steps)
    return Proof(statement, proofs[0].given, steps, min(proof.points for proof in proofs))


def _prove_statement(search: Search) -> list[Step]:
    """For every batch size at once; only where that fails and ``Eq(m, 3)`` is given, for that size
    alone."""
    question = search.question
    if not isinstance(question.statement, (Relational, BooleanTrue)):
        raise Unequal(f"{text(question.statement)} is not an identity")
    size = find_given_size(question)
    try:
        return _prove_cases(search, list_cases(question))
    except (Unequal, Undecided):
        if size is None:
            raise
    count = size ** len(question.free_indices)
    if size > LARGEST_BATCH:
        raise Undecided(f"m = {size} is written out entry by entry up to {LARGEST_BATCH} only")
    if count > MOST_CASES:
        raise Undecided(f"m = {size} leaves {count} cases, more than {MOST_CASES}")
    return _prove_cases(search, list_concrete_cases(question, size))


def _prove_cases(search: Search, chosen: list[IndexCase]) -> list[Step]:
    return [step for case in chosen for step in CaseProof(search, case).prove_steps()]
