"""Scripts behind the cost figures in ``reports/``."""
