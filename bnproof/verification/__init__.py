"""Planning and running laws, finding the smallest failing input, and the verdict."""
