"""Lowering proved statements to array functions, exact rationals and balls."""
