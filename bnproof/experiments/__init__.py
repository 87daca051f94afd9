"""Experiments on real data; each yields rows for the record stream."""
