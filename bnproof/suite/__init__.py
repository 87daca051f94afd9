"""The verification suite as pytest tests:
``pytest --pyargs bnproof.suite --bn package.module:Name``."""
