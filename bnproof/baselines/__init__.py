"""Baselines: what people use today to test a batch norm, each with its own tolerances, found by
listing the folder.

They are here for comparison, as faithful to their models as an array function allows. A baseline is
never made stricter or more lenient than its model, because what is measured is what the model
finds. No other package of bnproof has a tolerance in it.
"""
