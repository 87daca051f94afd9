"""``python -m bnproof``."""

from bnproof.cli import main

main()
