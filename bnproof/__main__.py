"""``python -m bnproof``: the same commands as the script ``bnproof``."""

from bnproof.cli import main

main()
