"""tinynorm's own tests, as its author writes them with bnproof."""

from tinynorm import BatchNorm, FrozenBiasBatchNorm

from bnproof.contract import Convention
from bnproof.testing import parametrize_with_laws

BatchNorm.convention = Convention(
    "tinynorm", running_var="biased", one_value="raise", channel_axis=-1
)
BatchNorm.supports = {"dtypes": ["float32", "float64"]}


@parametrize_with_laws(BatchNorm, effort="quick", ignore=["empty-batch"])
def test_batch_norm(law):
    law()


@parametrize_with_laws(
    FrozenBiasBatchNorm,
    effort="quick",
    select=["gradient-beta", "sequence-backward", "output"],
    expected_failures={
        "gradient-beta": "a mean over the batch",
        "sequence-backward": "the same, in a sequence",
    },
)
def test_known_bug(law):
    law()
