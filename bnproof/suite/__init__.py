"""The verification suite as pytest tests, for other people's projects.

``pytest --pyargs bnproof.suite --bn package.module:Name`` runs one test per law on the batch norm
that ``--bn`` names.  The options are declared by :mod:`bnproof.pytest_plugin`.
"""
