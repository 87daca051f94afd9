"""Pages, tables and plots as functions of records: same records, same bytes.

Nothing here measures or proves anything, and nothing here is imported by what does. A module makes
one report, or a few that belong together, and lists its files in ``FILES`` with the kinds of rows
each is made of. Whatever a page says, it reads from a row or from its template.

Start reading at :mod:`bnproof.reports.files`; the templates and their filters are in
:mod:`bnproof.reports.pages`, the look of the plots is in :mod:`bnproof.reports.plots`.
"""
