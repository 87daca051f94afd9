"""Experiments on real data, each of which yields rows for the record stream.

An experiment is a module with a generator ``measure_rows(seed)``. It yields dictionaries whose
``kind`` says what was measured, and pages, tables and verdicts are made of such rows alone. All
randomness comes from the seed, so one seed gives one set of rows on one machine. Nothing is fetched
from a network, because the data are the digits that scikit-learn brings along.

Start reading at :mod:`bnproof.experiments.running`, the plainest of them. The package
:mod:`bnproof.experiments.demonstrations` holds the few numbers that are shown beside each claim of
the ledger.
"""
