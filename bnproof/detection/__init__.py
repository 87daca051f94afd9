"""The measured power of the suite: every known bug against every law, and against what people use
today."""
