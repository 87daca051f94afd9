"""Implementations under test: one file per framework, found by listing the folder.

A module of this package offers ``IMPLEMENTATIONS``, a table of names and factories; frameworks are
imported inside the methods, so listing what there is imports none of them.
"""
