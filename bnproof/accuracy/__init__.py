"""How accurate an implementation is: measured against enclosures, graded by how its error grows."""
