"""Checks in this process, for what a command prints of them.

The process of its own in which a target is judged has its tests in ``tests/verification``.
"""

from bnproof.verification import child, supervisor


class Pipe:
    """Takes the place of the pipe by which the process of a target says what it is doing."""

    def __init__(self, broken):
        self.broken = broken

    def send(self, told):
        """Pass on what is told of broken laws, and nothing else."""
        if told[0] == "broken":
            self.broken(told[1])


def judge_here(request, *, limit, progress, broken, threads):
    """Judge a target in this process; the options of the other one are taken and not used."""
    try:
        return child._check(Pipe(broken), request, {})
    except child._list_refusals() as error:
        raise supervisor.CannotCheck(error.args[0]) from error
