"""Whether an exact number lies inside an enclosure, decided with fractions alone."""

from fractions import Fraction


def holds(enclosure, at, value):
    """Whether a rational value lies inside."""
    mid, low, rad = read(enclosure, at)
    return abs(value - mid - low) <= rad


def holds_root(enclosure, at, z, w, b=0):
    """Whether ``z/sqrt(w) + b`` lies inside, decided by squares: both ends have z's sign here or
    straddle it."""
    mid, low, rad = read(enclosure, at)
    signed = square(z) / w
    return square(mid + low - rad - b) <= signed <= square(mid + low + rad - b)


def read(enclosure, at):
    """The three numbers of an entry as fractions."""
    return (Fraction(float(words[at])) for words in (enclosure.mid, enclosure.low, enclosure.rad))


def square(value):
    """``sign(value) value^2``, which orders numbers as they are."""
    return (1 if value >= 0 else -1) * value**2


def exact(values):
    """Floats as fractions, in a list."""
    return [Fraction(float(value)) for value in values]


def moments(values):
    """Mean and biased variance of a list of fractions."""
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values) / len(values)
