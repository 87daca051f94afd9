"""Layout: the wrong axis for the channels, and memory read in another order than the strides say.

Tests mostly have C-contiguous arrays with the channels on axis 1 and all of the same size, for
which these bugs change nothing. The second half answers wrongly only for views: transposed, sliced
or with the channels last in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from bnproof.contract import Array, Convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import values_per_channel, widen
from bnproof.implementations.numpy_shards import Moments
from bnproof.implementations.signatures import (
    Arguments,
    Gradients,
    Stepped,
    Trained,
    pack_arguments,
)
from bnproof.mutants.catalogue import bug

# the arguments that have the channels where a batch has them
BATCHES = ("x", "dy", "ddx", "shards", "dys")


def apply_each(function: Callable[[Array], Array], batch: Any) -> Any:
    """The function's value for a batch, or the list of its values for the parts of one."""
    return function(batch) if isinstance(batch, np.ndarray) else [function(x) for x in batch]


class ChannelsLast(NumpyBatchNorm):
    """The reference for arrays that have the channels on their last axis."""

    convention: Any = Convention("channels last", one_value="raise", channel_axis=-1)

    def move_channels_first(self, x: Array) -> Array:
        """The channels moved from the last axis to axis 1, as a view."""
        return np.moveaxis(x, -1, 1)

    def move_channels_last(self, x: Array) -> Array:
        """The inverse of ``move_channels_first``, as a view."""
        return np.moveaxis(x, 1, -1)

    def call_moved(self, function: Callable[..., Any], a: Arguments) -> Any:
        """A method of the reference between two moves of the channels."""
        batches = {name: value for name, value in a.values.items() if name in BATCHES}
        moved = {n: apply_each(self.move_channels_first, value) for n, value in batches.items()}
        answer = a.call(function, **moved)
        if len(a.method.returns) == 1:
            return self.move_channels_last(answer)
        return tuple(
            apply_each(self.move_channels_last, value) if quantity.entrywise else value
            for quantity, value in zip(a.method.returns, answer, strict=True)
        )

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        return self.call_moved(super().train, a)

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        return self.call_moved(super().infer, a)

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        return self.call_moved(super().train_vjp, a)

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> Gradients:
        return self.call_moved(super().infer_vjp, a)

    @pack_arguments
    def train_double_vjp(self, a: Arguments) -> tuple[Array, Array, Array | None]:
        return self.call_moved(super().train_double_vjp, a)

    @pack_arguments
    def train_shards(self, a: Arguments) -> Stepped:
        return self.call_moved(super().train_shards, a)

    @pack_arguments
    def train_shards_vjp(self, a: Arguments) -> Stepped:
        return self.call_moved(super().train_shards_vjp, a)


# -- the wrong axis --------------------------------------------------------------------------------


@bug("L01", mechanism="wrong axis")
class StatisticsAlongLastAxis(NumpyBatchNorm):
    """Takes the last axis for the channels' in mu and s, though they are on axis 1; what is tracked
    is right."""

    def normalise(self, x: Array, eps: float) -> tuple[Array, Array, Array, Array]:
        """``mu`` and ``s`` per entry of the last axis, which here is a spatial one.

        Keras normalises the last axis unless told otherwise, and many repositories fed it images
        with the channels first, a baseline of a public challenge among them. gamma then has as many
        entries as the image is wide, and training still works. Equal sizes hide it: only unlike
        ``N, C, H, W`` tell the axes apart.
        """
        xhat, mu, v, s = super().normalise(x, eps)
        # (N, C) has its channels on the last axis, where this bug is none.
        if x.ndim == 2:
            return xhat, mu, v, s
        others = tuple(range(x.ndim - 1))
        centred = widen(x) - widen(x).mean(axis=others, keepdims=True)
        s = self.std((centred**2).mean(axis=others, keepdims=True), eps)
        # The right mu and v go on to the running statistics: the row is about the output.
        return centred / s, mu, v, s


@bug("L03", mechanism="wrong axis")
class BuffersSizedByAxisOne(ChannelsLast):
    """Channels last, but the running statistics get the length of axis 1 and fit only where that is
    C."""

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        """``mu_r`` and ``v_r`` of length H for input ``(N, H, W, C)``.

        ipex-llm sized its buffers by the second axis, wherever the channels were. It raises where H
        is not C, and is silent where they are equal.
        """
        # Resizing repeats or cuts, so that a wrong length fails where the real code failed: in use.
        mean = None if a.running_mean is None else np.resize(a.running_mean, a.x.shape[1])
        var = None if a.running_var is None else np.resize(a.running_var, a.x.shape[1])
        return a.call(super().train, running_mean=mean, running_var=var)


@bug("L12", mechanism="wrong axis")
class FourthAxisOfFive(ChannelsLast):
    """Channels last, taken to be axis 3: right up to rank 4; rank 5 is read as if its last two axes
    were exchanged."""

    def move_channels_first(self, x: Array) -> Array:
        """Axis 3 taken for the channels', which it is for images and not for volumes.

        coremltools resolved ``axis=-1`` to a constant index. Five axes gave shapes that made no
        sense and changed from run to run. Here rank 5 is read as if its last two axes were
        exchanged.
        """
        # Reshaping, not transposing: a converter that has the sizes wrong does not move any value.
        swapped = x.reshape(*x.shape[:3], x.shape[4], x.shape[3]) if x.ndim == 5 else x
        return np.moveaxis(swapped, min(3, x.ndim - 1), 1)

    def move_channels_last(self, x: Array) -> Array:
        """The inverse, wrong in the same way, so that shapes agree."""
        swapped = np.moveaxis(x, 1, min(3, x.ndim - 1))
        return (
            swapped.reshape(*swapped.shape[:3], x.shape[4], x.shape[1]) if x.ndim == 5 else swapped
        )


# -- the wrong order in memory ---------------------------------------------------------------------


def read_memory_order(x: Array) -> Array:
    """An array's bytes as they lie in memory, taken for a C-contiguous array of its shape.

    Parameters
    ----------
    x
        Any array.  One that is C-contiguous comes back as it is.

    Examples
    --------
    >>> x = np.array([[1, 2, 3], [4, 5, 6]]).T
    >>> x.tolist()
    [[1, 4], [2, 5], [3, 6]]
    >>> read_memory_order(x).tolist()
    [[1, 2], [3, 4], [5, 6]]
    """
    # "K" reads in the order of memory, without a look at the bytes between the entries of a view.
    return x if x.flags.c_contiguous else np.ravel(x, order="K").reshape(x.shape)


@bug("L04", mechanism="memory order ignored")
class InputFlatBackward(NumpyBatchNorm):
    """The backward, in training and at inference, reads an x that is not C-contiguous in the order
    of its memory."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """x is read in the order of its memory, dy by its strides.

        PyTorch took the bytes of a channels-last x with the strides of dy. Forward and dbeta were
        right, dgamma was wrong by 7 orders of magnitude and dx by a factor of 3 to 7, and training
        reached 1e13 in 7 steps.
        """
        return a.call(super().train_vjp, x=read_memory_order(a.x))

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> Gradients:
        """The same at inference, where only dgamma reads x."""
        return a.call(super().infer_vjp, x=read_memory_order(a.x))


@bug("L06", mechanism="memory order ignored")
class UpstreamFlatBackward(NumpyBatchNorm):
    """The backward reads a dy that is not C-contiguous in the order of its memory."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """dy is read in the order of its memory.

        DL4J's helper for MKL-DNN took dy for contiguous. A layer behind the batch norm that
        permutes its gradient is enough.
        """
        return a.call(super().train_vjp, dy=read_memory_order(a.dy))


def read_from_start(x: Array) -> Array:
    """A view's shape and strides, laid at the first byte of the array it looks into.

    Parameters
    ----------
    x
        An array.  Only a view of an array of the same dtype that owns its memory, with strides that
        do not run backwards, is read from another place.

    Returns
    -------
    A read-only array of x's shape, or x itself.

    Examples
    --------
    >>> base = np.arange(6)
    >>> read_from_start(base[2:5]).tolist()
    [0, 1, 2]
    >>> read_from_start(base[::-1]).tolist()
    [5, 4, 3, 2, 1, 0]
    """
    base = x.base
    if (
        # A base of another kind or dtype, or one that is a view itself, says nothing certain about
        # where its memory begins and ends. Without an offset the last entry lies inside the base as
        # well.
        not isinstance(base, np.ndarray)
        or not base.flags.owndata
        or base.dtype != x.dtype
        or min(x.strides) < 0
    ):
        return x  # anything else would read memory that is not the array's
    # Read-only, since training has no business writing to its input.
    return as_strided(base, x.shape, x.strides, writeable=False)


@bug("L05", mechanism="storage offset ignored")
class OffsetIgnored(NumpyBatchNorm):
    """Training reads a view from the first byte of its base: right where the view has no offset."""

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        """``x`` starts at the first byte of its storage.

        PyTorch dropped the offset of a channels-last view. A slice such as ``x[:, 1:]`` was
        normalised as if it were ``x[:, :-1]``.
        """
        return a.call(super().train, x=read_from_start(a.x))


def looks_channels_last(x: Array) -> bool:
    """Whether a permuted array looks like one with the channels last in memory.

    The test is that neighbouring channels are neighbours in memory, which is also true of arrays
    with other orders of their spatial axes.
    """
    # Rank 2 has no spatial axis that could be misread, and a C-contiguous array is not permuted.
    return x.ndim > 2 and not x.flags.c_contiguous and x.strides[1] == x.itemsize


def misread(x: Array) -> Array:
    """Values in C order read as if they lay channels last.

    Examples
    --------
    >>> x = np.array([[[1, 2, 3], [4, 5, 6]]])
    >>> misread(x).tolist()
    [[[1, 3, 5], [2, 4, 6]]]
    >>> undo_misread(misread(x)).tolist() == x.tolist()
    True
    """
    return np.moveaxis(x.reshape(x.shape[0], *x.shape[2:], x.shape[1]), -1, 1)


def undo_misread(x: Array) -> Array:
    """The inverse of ``misread``: values that lie channels last, read in C order."""
    return np.moveaxis(x, 1, -1).reshape(x.shape)


def change_some(
    function: Callable[[Array], Array], parts: Sequence[Array], which: Sequence[bool]
) -> list[Array]:
    """The parts, those that are named by the function's values for them."""
    return [function(x) if at else x for x, at in zip(parts, which, strict=True)]


@bug("L10", mechanism="memory order ignored")
class PermutedShardsMisread(NumpyBatchNorm):
    """Workers copy a permuted array in C order and, where its channels were next to each other,
    read channels last."""

    @pack_arguments
    def train_shards(self, a: Arguments) -> Stepped:
        """Permuted inputs are copied in C order and then read channels last.

        PyTorch's synchronised batch norm got a fast path for channels last, which took every array
        whose stride along the channels is 1. Outputs and gradients of a transposed array differed
        from those on one device, in a release that had been right before.
        """
        fast = [looks_channels_last(x) for x in a.shards]
        ys, mean, var = a.call(super().train_shards, shards=change_some(misread, a.shards, fast))
        return change_some(undo_misread, ys, fast), mean, var

    @pack_arguments
    def train_shards_vjp(self, a: Arguments) -> Stepped:
        """The backward reads x and dy in the same wrong way, and hands dx back in it."""
        # The layout of x decides for dy too: the real kernel looked at its first argument alone.
        fast = [looks_channels_last(x) for x in a.shards]
        dxs, dgamma, dbeta = a.call(
            super().train_shards_vjp,
            dys=change_some(misread, a.dys, fast),
            shards=change_some(misread, a.shards, fast),
        )
        return change_some(undo_misread, dxs, fast), dgamma, dbeta


@bug("L11", mechanism="memory order ignored")
class PartialSumsMisplaced(ChannelsLast):
    """Channels last, synchronised: squared deviations are summed as if the channels' stride were
    that of axis 1."""

    def moments(self, x: Array) -> Moments:
        """``v_c`` adds up squares of several channels, gathered with the stride of ``(N, C, H,
        W)``.

        In nnabla's kernel for several devices the running variance was huge with channels last, and
        the gradient of gamma differed between layouts even after a first mend. One device takes
        another kernel.
        """
        n, mu, v = super().moments(x)
        # An idle worker has nothing to add up.
        if n == 0:
            return n, mu, v
        # Laid out channels last, as the kernel finds them, and then cut as if channels were first.
        squares = np.moveaxis((widen(x) - self.mean(widen(x))) ** 2, 1, -1)
        gathered = squares.reshape(x.shape[0], x.shape[1], -1).sum(axis=(0, 2))
        return n, mu, gathered / gathered.dtype.type(values_per_channel(x))
