"""Loss functions, each a composition of differentiable ops: no loss has a rule of its own.

regression       for numbers: squared, absolute, Huber, log-cosh, pinball; two likelihoods
classification   for classes: cross-entropy in its forms, focal, Kullback-Leibler
margin           for decisions: the hinge losses of support vector machines
similarity       for embeddings: contrastive, triplet, cosine, NT-Xent
adversarial      for generators and their critics: GAN, Wasserstein, least squares, hinge

All have two options: ``reduction``, "mean" or "sum" over the losses of all rows or elements, or
"none", the losses; and ``sample_weight``, how much each loss counts, numbers >= 0 in the shape of
the losses, whose sum is what "mean" divides by.

Predictions and targets are arrays, Tensors or lists. Integer predictions become float64; targets
are converted to the dtype of the prediction, which is that of the loss. The loss is a Tensor if one
of them is. If a prediction that counts is NaN, so is the loss.

All raise ValueError for shapes that do not match (nothing is broadcast), values that cannot be
targets, an option that is not as described, an unknown reduction, and the mean of 0 samples;
TypeError for what is not made of numbers. Where the order of prediction and target matters, a
target that requires grad beside a prediction that does not is refused: are they swapped?
In the examples np is NumPy; most print the loss, the same by the formula, and the gradient.
"""

from ..engine.words import publish
from .adversarial import (
    discriminator, generator_minimax, generator_non_saturating, gradient_penalty,
    hinge_discriminator, hinge_generator, least_squares_discriminator, least_squares_generator,
    wasserstein_critic, wasserstein_generator,
)  # fmt: skip
from .classification import (
    binary_cross_entropy, binary_cross_entropy_with_logits, binary_focal, cross_entropy,
    cross_entropy_from_probs, focal, kl_divergence,
)  # fmt: skip
from .margin import hinge, multiclass_hinge, squared_hinge
from .regression import (
    gaussian_nll, huber, log_cosh, mean_absolute_error, mean_squared_error, pinball, poisson_nll,
    sum_squared_error,
)  # fmt: skip
from .similarity import contrastive, cosine_embedding, nt_xent, triplet

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "binary_focal", "contrastive",
    "cosine_embedding", "cross_entropy", "cross_entropy_from_probs", "discriminator", "focal",
    "gaussian_nll", "generator_minimax", "generator_non_saturating", "gradient_penalty", "hinge",
    "hinge_discriminator", "hinge_generator", "huber", "kl_divergence",
    "least_squares_discriminator", "least_squares_generator", "log_cosh", "mean_absolute_error",
    "mean_squared_error", "multiclass_hinge", "nt_xent", "pinball", "poisson_nll", "squared_hinge",
    "sum_squared_error", "triplet", "wasserstein_critic", "wasserstein_generator",
]  # fmt: skip
publish(globals())
