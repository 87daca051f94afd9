"""Batch norms that are wrong in one way each, as public projects shipped them, and equivalent ones
that have to pass.

Every module registers its classes with :func:`bnproof.mutants.catalogue.bug`; the docstring says
what is wrong.
"""
