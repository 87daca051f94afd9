"""Batch norms that are wrong in one way each, as public projects shipped them, and equivalent ones
that have to pass.

Every module registers its classes with :func:`bnproof.mutants.catalogue.bug`. The docstring of a
class is one sentence that says what is wrong, because users read it as the cause of a violation.
The docstrings of its methods tell the rest: which formula takes the place of the right one, what
the real code did, and what its users saw. The addresses of the public threads are in
``sources.csv``.
"""
