"""Adding a theorem: one function is enough for the proof, the second check, the law, the page and
the row."""

import json
import subprocess
import sys

NEW = """
import json
from sympy import Integer
import bnproof
from bnproof.symbolic.setting import Batch, gamma, i, v, x
from bnproof.theorems.book import Assertion, Control, Eq, Observed, Relation, theorem

@theorem(source="written in a test", uses=("scale-exact",))
def doubled_gamma():
    "Doubling gamma doubles the deviation from beta."
    out = Batch(x.__getitem__)
    yield Assertion("the claim", Eq(out.y(i, gamma=2 * gamma) - out.y(i), gamma * out.xhat(i)))
    yield Relation("doubled-gamma", "2 gamma: twice the deviation",
              lambda y, y_twice, y_plain: Eq(y_twice(i) - y(i), gamma * y_plain(i)),
              observed={"y_twice": Observed("y", gamma=2 * gamma),
                        "y_plain": Observed("y", gamma=Integer(1), beta=Integer(0))})
    yield Control("nothing changes", Eq(out.y(i, gamma=2 * gamma), out.y(i)))

from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.reports.derivation import summarise_theorem
from bnproof.reports.derivation import render_markdown
from bnproof.theorems.proving import as_row, settle
from bnproof.theorems.book import find

class Saturates(NumpyBatchNorm):
    def apply_affine(self, xhat, gamma, beta):
        return super().apply_affine(xhat, None if gamma is None else gamma.clip(-0.5, 0.5), beta)

row = as_row(settle(find("doubled-gamma")))
right, wrong = (
    bnproof.check(one(), effort="quick", select=["doubled-gamma"])
    for one in (NumpyBatchNorm, Saturates)
)
print(json.dumps({
    "verdict": row["verdict"], "points": row["points"],
    "line": summarise_theorem(row), "page": render_markdown(row),
    "right": right.ok, "wrong": wrong.ok, "reproducer": wrong.violations[0].reproducer,
}))
"""


def test_one_function_is_enough():
    """Proved and checked at points, measured on arrays (a wrong implementation is found), shown and
    listed."""
    done = subprocess.run([sys.executable, "-c", NEW], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["verdict"] == "proved"
    assert found["points"] > 0
    assert found["line"]["controls_refuted"] == 1
    assert "### doubled-gamma" in found["page"]
    assert "doubled-gamma" in found["page"].partition("Where it is used")[2]
    assert found["right"]
    assert not found["wrong"]
    assert "y_twice" in found["reproducer"]
