"""Reports: Markdown, CSV and plots as pure functions of records."""
