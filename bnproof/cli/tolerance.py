"""``bnproof tolerance``: how far a correct batch norm may be from the exact values of given arrays.

The arrays are files that ``numpy.save`` wrote.  Printed is, for each quantity, the pair
``(rtol, atol)`` for a comparison with the exact values in float64, which ``--out`` writes beside
the tolerance of every single value.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bnproof.cli._console import build_refusal, open_console

if TYPE_CHECKING:
    from bnproof.arrays.tolerances import Tolerance

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("x", type=FILE)
@click.option("--eps", type=float, required=True, help="What is added to the variance.")
@click.option("--gamma", type=FILE, metavar="FILE", help="The scale; 1 without it.")
@click.option("--beta", type=FILE, metavar="FILE", help="The shift; 0 without it.")
@click.option("--dy", type=FILE, metavar="FILE", help="The upstream gradient, for gradients.")
@click.option("--running-mean", type=FILE, metavar="FILE", help="The running mean.")
@click.option("--running-var", type=FILE, metavar="FILE", help="The running variance.")
@click.option("--momentum", type=float, help="As the convention means it.")
@click.option("--convention", metavar="NAME", default="torch", show_default=True)
@click.option("--inference", is_flag=True, help="Normalise by the running statistics.")
@click.option("--channel-axis", type=int, default=1, show_default=True)
@click.option(
    "--compute",
    metavar="FORMAT",
    help="Of single operations: float16, bfloat16, tf32, float32 or float64.  [default: that of x, "
    "float32 for half precision]",
)
@click.option(
    "--accumulate",
    metavar="FORMAT",
    help="Of sums over the batch.  [default: float32, float64 where that is computed in]",
)
@click.option(
    "--formula",
    type=click.Choice(["two-pass", "one-pass"]),
    default="two-pass",
    show_default=True,
    help="How the variance is computed.",
)
@click.option("--out", type=FILE, metavar="FILE", help="Write exact values and tolerances (.npz).")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    *,
    x: Path,
    eps: float,
    gamma: Path | None,
    beta: Path | None,
    dy: Path | None,
    running_mean: Path | None,
    running_var: Path | None,
    momentum: float | None,
    convention: str,
    inference: bool,
    channel_axis: int,
    compute: str | None,
    accumulate: str | None,
    formula: str,
    out: Path | None,
    form: str,
) -> int:
    """Derive tolerances for the batch in the file X, instead of typing them in.

    They are meant for a comparison with the exact values in float64, which --out writes: no correct
    implementation fails it, in any order of summation. They are not meant for a comparison with
    another framework's output, which has an error of its own.
    """
    from bnproof.arrays.tolerances import tolerance
    from bnproof.certify.bounds import NoBound

    if (running_mean is None) != (running_var is None):
        raise build_refusal("give both --running-mean and --running-var, or neither")
    running = None if running_mean is None else (_load(running_mean), _load(running_var))
    try:
        allowed = tolerance(
            _load(x),
            _load(gamma),
            _load(beta),
            eps=eps,
            training=not inference,
            dy=_load(dy),
            running=running,
            momentum=momentum,
            convention=convention,
            channel_axis=channel_axis,
            compute=compute,
            accumulate=accumulate,
            formula=formula,
        )
    except (TypeError, ValueError, LookupError, NoBound) as error:
        raise build_refusal(error) from error
    if out:
        _write(allowed, out)
    rows = _list_rows(allowed)
    if form == "json":
        click.echo(json.dumps({"arithmetic": allowed.arithmetic, "tolerances": rows}))
    else:
        _print_rows(allowed, rows)
    return 0


def _load(path: Path | None) -> Any:
    """The array in a file; ``None`` for no file.  Nothing in it is executed."""
    import numpy as np

    if path is None:
        return None
    try:
        return np.load(path, allow_pickle=False)
    except OSError as error:
        raise build_refusal(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, EOFError) as error:
        raise build_refusal(f"{path} is no array that numpy.save wrote") from error


def _write(allowed: Tolerance, out: Path) -> None:
    """Exact values and tolerances of every quantity; all of the file or nothing."""
    import numpy as np

    arrays: dict[str, Any] = {f"exact_{name}": values for name, values in allowed.exact.items()}
    arrays |= {f"tolerance_{name}": getattr(allowed, name) for name in allowed.exact}
    # numpy.savez adds the ending to a name that lacks it
    draft = out.with_name(f"{out.name}.part.npz")
    try:
        np.savez(draft, **arrays)
        draft.replace(out)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise build_refusal(f"cannot write {out}: {error.strerror or error}") from error


def _list_rows(allowed: Tolerance) -> list[dict[str, Any]]:
    """One row for each quantity, with plain numbers."""
    rows = []
    for name in allowed.exact:
        relative, absolute = allowed.as_allclose(name)
        values = getattr(allowed, name)
        largest = float(values.max(initial=0.0))
        rows.append({"quantity": name, "rtol": relative, "atol": absolute, "largest": largest})
    return rows


def _print_rows(allowed: Tolerance, rows: list[dict[str, Any]]) -> None:
    """A table, and what it is for."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("quantity", "rtol", "atol", "largest tolerance of a value"):
        table.add_column(heading, justify="left" if heading == "quantity" else "right")
    for row in rows:
        numbers = (f"{row[name]:.3g}" for name in ("rtol", "atol", "largest"))
        table.add_row(row["quantity"], *numbers)
    out = open_console()
    out.print(table)
    out.print(
        f"\nFor {allowed.arithmetic}, against the exact values in float64:"
        " |got - exact| <= atol + rtol |exact|."
    )
