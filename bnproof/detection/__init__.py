"""The measured power of the suite: every known bug against every law, and against what people use
today.

A verifier is worth what it finds. This room runs every model of a known bug through the laws, the
diagnosis and the baselines, and every correct implementation as well, because what flags everything
finds everything. ``subjects`` says what is examined, ``measuring`` makes one row for each, and
``rows`` puts them in a stream of records, from which the detection report is written.

Start reading at :func:`bnproof.detection.rows.measure_rows`.
"""
