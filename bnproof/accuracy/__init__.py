"""How accurate an implementation is: measured against enclosures, graded by how its error grows.

A check asks whether an implementation stays within what rounding may do. This room asks how well it
does within that: an implementation is run on inputs of rising condition, length and magnitude
(``inputs``), its errors are measured against certified values (``points``), and the growth of the
error tells which algorithm it uses (``grades``). ``assessment`` does all of that for one target,
``search`` looks for the worst input, and ``rows`` writes the records of the accuracy report.

Start reading at :func:`bnproof.accuracy.assessment.assess`.
"""
