"""A check from its options to its verdict.

One call of :func:`bnproof.verification.run.check` goes through five steps, each in modules of its
own.

- ``planning``: which laws are judged, on how many cases.
- ``examining``, ``session``: every law on every case. For a layer, ``walks``, ``layer_walk`` and
  ``walk_judge``: every law about states along sequences of calls.
- ``violations``, ``shrinking``, ``reproducer``, ``residuals``: each broken law on the smallest
  input that breaks it, with a program that shows it.
- ``diagnosis``, ``families``: the likely cause.
- ``concluding``, ``verdict``: which laws hold.

``supervisor`` and ``child`` run all of this in a process of its own, for the command line.
``replay`` reads recorded cases back.  Start reading at ``run``.
"""
