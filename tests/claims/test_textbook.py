"""What decides whether normalised values are easier to train, and what the sentence says.

That other records give another verdict is tested with the whole ledger.
"""

import pytest

from bnproof.claims import find

EASIER = find("B5b").measurement
NAMES = "gamma, beta on normalised values", "gamma', beta' on plain values"


def summary(name, loss, steps, trained="everything"):
    """One parametrisation at its best rate."""
    return {
        "kind": "parametrisation_summary", "trained": trained, "parametrisation": name,
        "learning_rate": 7.7 if name == NAMES[0] else 0.77, "seeds": 17, "final_loss_mean": loss,
        "steps_to_target_mean": steps,
    }  # fmt: skip


def at_rate(rate, ours, plain, trained="everything"):
    """Both parametrisations at one rate."""
    return [
        {"kind": "parametrisation_rate", "trained": trained, "parametrisation": name,
         "learning_rate": rate, "final_loss_mean": loss}
        for name, loss in zip(NAMES, (ours, plain), strict=True)
    ]  # fmt: skip


def rows(loss=0.1, steps=11.0):
    """The normalised one beside a plain one that ends at 0.4 after 44 steps; the set-up that does
    not count would say the contrary."""
    return [
        summary(NAMES[1], 0.4, 44.0), summary(NAMES[0], loss, steps),
        summary(NAMES[0], 9.0, 99.0, "little"), summary(NAMES[1], 0.1, 1.0, "little"),
        *at_rate(0.5, 0.3, 0.2), *at_rate(0.25, 0.3, 0.1), *at_rate(8.0, 0.1, 0.9),
        *at_rate(4.0, 0.2, 0.2), *at_rate(16.0, 0.2, None), *at_rate(64.0, 0.9, 0.1, "little"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "steps", "holds"),
    [
        (0.1, 11.0, True), (0.4, 11.0, False), (0.5, 11.0, False), (0.1, 44.0, False),
        (0.1, 50.0, False), (0.39, 43.9, True),
    ],
)  # fmt: skip
def test_it_has_to_end_lower_and_arrive_sooner(loss, steps, holds):
    """Both strictly, each at its own best rate, with everything trained."""
    assert EASIER.holds(rows(loss, steps)) is holds


def test_the_sentence_tells_where_the_claim_would_fail():
    """The rates at which the plain one ends strictly lower, with everything trained."""
    said = EASIER.says(rows())
    assert said.startswith("each at its own best rate (7.7 against 0.77), over 17 seeds")
    assert "needs 11 steps to a training loss for which the plain one needs 44" in said
    assert "ends at 0.1 against 0.4" in said
    assert said.endswith("at equal rates the plain one is ahead for 0.5, 0.25")


def test_no_rate_at_which_it_fails_is_said_too():
    """In a word, and not by leaving the end of the sentence away."""
    without = [row for row in rows() if row.get("learning_rate") not in (0.5, 0.25)]
    assert EASIER.says(without).endswith("the plain one is ahead for none")


@pytest.mark.parametrize("name", NAMES)
def test_a_parametrisation_that_is_missing_is_named(name):
    """A comparison with nothing gives no verdict."""
    lacking = [row for row in rows() if row["parametrisation"] != name]
    with pytest.raises(KeyError, match=name.replace("'", ".*")):
        EASIER.holds(lacking)
