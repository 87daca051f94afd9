"""Rigorous error bounds; knows no implementation."""
