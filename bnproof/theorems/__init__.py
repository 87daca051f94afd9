"""The theorem book: statements with proofs, conditions and negative controls."""
