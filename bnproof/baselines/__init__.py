"""Baselines: what people use today to test a batch norm, each with its own tolerances, found by
listing the folder.

They are here for comparison, as faithful to their models as an array function allows.  No other
package of bnproof has a tolerance in it.
"""
