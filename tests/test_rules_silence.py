"""What the rules must not touch: sound programs that look, to a careless rule, like faulty ones."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
from sketch import Sketch, column, features, labels, probe, values

from nnlint.engine import check
from nnlint.facts import Facts, Loop, Optimizer, Span, Target
from nnlint.registry import load

SOUND: dict[str, Callable[[], Facts]] = {}


def sound(build: Callable[[], Facts]) -> Callable[[], Facts]:
    SOUND[build.__name__] = build
    return build


@functools.cache
def rules():
    return load()


# -- activations that are no hidden layer's


@sound
def swish():
    s = Sketch()
    h = s.linear(s.input(32, 8), 16)
    for _ in range(3):
        h = s.linear(s.op("mul", h, s.op("sigmoid", h)), 16)
    s.loss("cross_entropy", h)
    return s.facts(target=labels(classes=16), probe=probe((2, 1.0, 0.01), (5, 0.001, 1.0)))


@sound
def gates():
    s = Sketch()
    h = s.input(32, 8)
    for _ in range(3):
        gate = s.op("sigmoid", s.linear(h, 16))
        h = s.op("mul", s.op("tanh", s.linear(h, 16)), gate)
    s.loss("cross_entropy", s.linear(h, 4))
    return s.facts(target=labels(classes=4), probe=probe((2, 1.0, 0.01), (5, 0.001, 1.0)))


@sound
def squeeze_and_excite():
    s = Sketch()
    h = s.conv(s.input(32, 3, 16, 16), 16)
    for _ in range(2):
        pooled = s.op("adaptive_avg_pool2d", h, shape=(32, 16, 1, 1))
        gate = s.op("sigmoid", s.conv(s.op("relu", s.conv(pooled, 4, 1)), 16, 1))
        h = s.conv(s.op("mul", h, gate), 16)
    flat = s.op("flatten", s.op("adaptive_avg_pool2d", h, shape=(32, 16, 1, 1)), shape=(32, 16))
    s.loss("cross_entropy", s.linear(flat, 4))
    return s.facts(target=labels(classes=4), probe=probe((4, 1.0, 0.01), (9, 0.001, 1.0)))


@sound
def one_logistic_layer():
    s = Sketch()
    h = s.op("sigmoid", s.linear(s.input(32, 8), 16))
    h = s.op("relu", s.linear(h, 16))
    s.loss("cross_entropy", s.linear(h, 4))
    return s.facts(target=labels(classes=4), probe=probe((2, 1.0, 0.01), (4, 0.5, 1.0)))


@sound
def logistic_layers_that_train():
    s = Sketch()
    first = s.op("sigmoid", s.linear(s.input(32, 8), 16))
    second = s.op("sigmoid", s.linear(first, 16))
    s.loss("cross_entropy", s.linear(second, 4))
    return s.facts(target=labels(classes=4), probe=probe((first, 0.1, 0.3), (second, 0.05, 1.0)))


@sound
def pooler_with_tanh():
    s = Sketch()
    h = s.op("tanh", s.linear(s.op("getitem", s.norm(s.input(32, 10, 64), "layer_norm"), shape=(32, 64)), 64))
    s.loss("cross_entropy", s.linear(h, 2))
    return s.facts(target=labels(), probe=probe((4, 0.5, 1.0)))


# -- outputs and losses


@sound
def log_softmax_into_cross_entropy():
    s = Sketch()
    s.loss("cross_entropy", s.op("log_softmax", s.linear(s.input(32, 8), 5), dim=1))
    return s.facts(target=labels(classes=5))


@sound
def log_of_softmax_into_nll():
    s = Sketch()
    s.loss("nll", s.op("log", s.op("softmax", s.linear(s.input(32, 8), 5), dim=1)))
    return s.facts(target=labels(classes=5))


@sound
def softmax_returned_beside_logits():
    s = Sketch()
    logits = s.linear(s.input(32, 8), 5)
    s.returns(logits, s.op("softmax", logits, dim=1))
    s.loss("cross_entropy", logits)
    return s.facts(target=labels(classes=5))


@sound
def attention_over_one_position():
    s = Sketch()
    scores = s.op("squeeze", s.linear(s.op("relu", s.linear(s.input(32, 1, 8), 8)), 1), shape=(32, 1))
    weights = s.op("softmax", scores, dim=1)
    pooled = s.op("matmul", weights, 0, shape=(32, 8))
    s.loss("cross_entropy", s.linear(pooled, 5))
    return s.facts(target=labels(classes=5))


@sound
def attention_over_time():
    s = Sketch()
    x = s.input(32, 12, 8)
    weights = s.op("softmax", s.linear(s.op("tanh", s.linear(x, 8)), 1), dim=1)
    s.loss("cross_entropy", s.linear(s.op("sum", s.op("mul", x, weights), shape=(32, 8)), 5))
    return s.facts(target=labels(classes=5))


@sound
def router_with_one_expert():
    s = Sketch()
    x = s.input(32, 8)
    weights = s.op("softmax", s.linear(x, 1), dim=-1)
    chosen = s.op("topk", weights)
    s.loss("cross_entropy", s.linear(s.op("mul", s.op("gelu", s.linear(x, 8)), chosen), 5))
    return s.facts(target=labels(classes=5))


@sound
def spatial_softmax_of_one_map():
    s = Sketch()
    maps = s.conv(s.input(32, 3, 8, 8), 1, 1)
    where = s.op("softmax", s.op("view", maps, shape=(32, 64)), dim=1)
    s.loss("mse", where)
    return s.facts(target=values((32, 64), 0.0, 0.7))


@sound
def noisy_or_into_bce():
    s = Sketch()
    each = s.op("sigmoid", s.linear(s.input(32, 8), 5))
    s.loss("bce", s.op("rsub", s.op("prod", s.op("rsub", each), shape=(32,))))
    return s.facts(target=labels())


@sound
def clamp_into_bce():
    s = Sketch()
    s.loss("bce", s.op("clamp", s.linear(s.input(32, 8), 1), min=0.0, max=1.0))
    return s.facts(target=labels(shape=(32, 1)))


@sound
def inner_product_into_bce_with_logits():
    s = Sketch()
    user, item = s.linear(s.input(32, 8), 4), s.linear(s.input(32, 8), 4)
    s.loss("bce_with_logits", s.op("sum", s.op("mul", user, item), shape=(32,)))
    return s.facts(target=labels())


@sound
def sigmoid_into_bce():
    s = Sketch()
    s.loss("bce", s.op("sigmoid", s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 1)))
    return s.facts(target=labels(shape=(32, 1)))


@sound
def softmax_into_bce_for_exclusive_pairs():
    s = Sketch()
    s.loss("bce", s.op("softmax", s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 2), dim=1))
    return s.facts(target=labels(shape=(32, 2), one_hot=True))


@sound
def sigmoid_on_targets_within_reach():
    s = Sketch()
    s.loss("mse", s.op("sigmoid", s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 1)))
    return s.facts(target=values((32, 1), 0.0, 1.02))


@sound
def scaled_sigmoid():
    s = Sketch()
    bounded = s.op("sigmoid", s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 1))
    s.loss("mse", s.op("mul", bounded, s.constant(1)))
    return s.facts(target=values((32, 1), 0.0, 9.0))


@sound
def relu_on_amounts():
    s = Sketch()
    s.loss("mse", s.op("relu", s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 1)))
    return s.facts(target=values((32, 1), -0.01, 5.0))


@sound
def squeezenet_classifier():
    s = Sketch()
    h = s.op("relu", s.conv(s.op("dropout", s.op("relu", s.conv(s.input(32, 3, 8, 8), 16)), p=0.5), 10, 1))
    s.loss("cross_entropy", s.op("flatten", s.op("adaptive_avg_pool2d", h, shape=(32, 10, 1, 1)), shape=(32, 10)))
    return s.facts(target=labels(classes=10))


@sound
def dropout_before_the_head():
    s = Sketch()
    h = s.op("dropout", s.op("relu", s.linear(s.input(32, 8), 16)), p=0.5)
    s.loss("cross_entropy", s.linear(h, 4))
    return s.facts(target=labels(classes=4))


@sound
def stack_that_ends_in_dropout():
    s = Sketch()
    h = s.op("gelu", s.linear(s.norm(s.input(8, 16, 32), "layer_norm"), 128))
    s.returns(s.op("dropout", s.linear(h, 32), p=0.1))
    return s.facts(losses=())


@sound
def dropout_for_contrast():
    s = Sketch()
    h = s.op("dropout", s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 8), p=0.1)
    s.loss("cross_entropy", s.outside("matmul", h, h, shape=(32, 32)))
    return s.facts(target=labels(classes=32))


@sound
def lsgan_with_labels_made_in_the_loop():
    s = Sketch()
    s.loss("mse", s.linear(s.op("leaky_relu", s.linear(s.input(32, 8), 16)), 1))
    return s.facts(target=labels(shape=(32, 1), made="constant"))


@sound
def autoencoder_of_binary_images():
    s = Sketch()
    code = s.op("relu", s.linear(s.input(32, 64), 8))
    s.loss("mse", s.op("sigmoid", s.linear(code, 64)))
    pixels = features("vector", (32, 64), [column(0.3, 0.4, 0, 1)] * 64)
    return s.facts(target=labels(shape=(32, 64), made="input"), features=[pixels])  # fmt: skip


@sound
def counts_and_grades():
    s = Sketch()
    s.loss("mse", s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 1))
    return s.facts(target=labels(classes=6, shape=(32, 1)))


@sound
def soft_labels_under_squared_error():
    s = Sketch()
    s.loss("mse", s.op("softmax", s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 4), dim=1))
    return s.facts(target=values((32, 4), 0.0, 1.0))


@sound
def padded_vocabulary():
    s = Sketch()
    s.loss("cross_entropy", s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 64))
    return s.facts(target=labels(classes=50))


@sound
def segmentation_with_ignored_border():
    s = Sketch()
    s.loss("cross_entropy", s.conv(s.op("relu", s.conv(s.input(4, 3, 16, 16), 16)), 21, 1))
    return s.facts(target=Target(shape=(4, 16, 16), dtype="int64", rows=4, low=0, high=255, integral=True, made="data"))


@sound
def one_unit_for_a_regression():
    s = Sketch()
    s.loss("mse", s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 1))
    return s.facts(target=values((32, 1), -2.0, 2.0))


@sound
def contrastive_batch():
    s = Sketch()
    z = s.op("normalize", s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 8))
    s.loss("cross_entropy", s.outside("matmul", z, z, shape=(32, 32)))
    return s.facts(target=labels(classes=32, made="constant"))


# -- initialization


def _mlp(s: Sketch, activation: str = "relu", layers: int = 3, **weight: object) -> tuple[int, list[int]]:
    h, hidden = s.input(32, 16), []
    for _ in range(layers):
        h = s.op(activation, s.linear(h, 16, **weight))
        hidden.append(h)
    return s.linear(h, 4), hidden


def _fading(hidden: list[int]) -> object:
    return probe(*((node, 10.0**-i, 10.0 ** (i - len(hidden))) for i, node in enumerate(hidden)))


@sound
def pytorch_default_that_passes_the_probe():
    s = Sketch()
    out, hidden = _mlp(s)
    s.loss("cross_entropy", out)
    return s.facts(target=labels(classes=4), probe=probe(*((n, 0.5 / (i + 1), 0.3) for i, n in enumerate(hidden))))


@sound
def only_one_ratio_fails():
    s = Sketch()
    out, hidden = _mlp(s)
    s.loss("cross_entropy", out)
    return s.facts(
        target=labels(classes=4), probe=probe((hidden[0], 1.0, 0.9), (hidden[1], 0.1, 1.0), (hidden[2], 0.001, 1))
    )


@sound
def small_weights_under_norms():
    s = Sketch()
    h, hidden = s.input(32, 16), []
    for _ in range(3):
        h = s.op("relu", s.norm(s.linear(h, 16, std=0.02, schemes=("normal",))))
        hidden.append(h)
    s.loss("cross_entropy", s.linear(h, 4))
    return s.facts(target=labels(classes=4), probe=_fading(hidden))


@sound
def small_weights_with_skips():
    s = Sketch()
    h, hidden = s.linear(s.input(32, 16), 16), []
    for _ in range(3):
        a = s.op("relu", s.linear(h, 16, std=0.02, schemes=("normal",)))
        hidden.append(a)
        h = s.op("add", h, s.linear(a, 16, std=0.02, schemes=("normal",)))
    s.loss("cross_entropy", s.linear(h, 4))
    return s.facts(target=labels(classes=4), probe=_fading(hidden))


@sound
def kaiming_by_fan_out():
    s = Sketch()
    first = s.op("relu", s.conv(s.input(32, 3, 16, 16), 64, std=(2 / (64 * 9)) ** 0.5, schemes=("he_normal",)))
    second = s.op("relu", s.conv(first, 64, std=(2 / (64 * 9)) ** 0.5, schemes=("he_normal",)))
    flat = s.op("flatten", s.op("adaptive_avg_pool2d", second, shape=(32, 64, 1, 1)), shape=(32, 64))
    s.loss("cross_entropy", s.linear(flat, 4))
    return s.facts(target=labels(classes=4), probe=probe((first, 1.0, 1.0), (second, 1.0, 1.0)))


@sound
def policy_head_near_zero():
    s = Sketch()
    a = s.op("tanh", s.linear(s.input(32, 8), 64, std=0.3, schemes=("orthogonal",)))
    b = s.op("tanh", s.linear(a, 64, std=0.17, schemes=("orthogonal",)))
    s.loss("custom", s.linear(b, 2, std=0.001, schemes=("orthogonal",)))
    return s.facts(probe=probe((a, 0.7, 1.0), (b, 0.7, 1.0)))


@sound
def zero_head():
    s = Sketch()
    h = s.op("relu", s.linear(s.input(32, 8), 16))
    s.loss("cross_entropy", s.linear(h, 4, zeros=1.0, std=0.0, constant=True, equal_units=True, zero_bias=True))
    return s.facts(target=labels(classes=4))


@sound
def lora():
    s = Sketch()
    x = s.input(32, 64)
    down = s.linear(x, 4)
    up = s.linear(down, 64, zeros=1.0, std=0.0, constant=True, equal_units=True, zero_bias=True)
    h = s.op("add", s.linear(x, 64, trainable=False), up)
    s.loss("cross_entropy", s.linear(s.op("relu", h), 4))
    return s.facts(target=labels(classes=4))


@sound
def zero_convolution_before_a_skip():
    s = Sketch()
    x = s.conv(s.input(8, 3, 16, 16), 16)
    zero = s.conv(
        s.op("silu", s.conv(x, 16)), 16, 1, zeros=1.0, std=0.0, constant=True, equal_units=True, zero_bias=True
    )
    h = s.op("relu", s.op("add", x, zero))
    s.loss("mse", s.conv(h, 3))
    return s.facts(target=values((8, 3, 16, 16), -1.0, 1.0))


@sound
def one_constant_layer():
    s = Sketch()
    h = s.op("relu", s.linear(s.input(32, 8), 16, std=0.0, mean=0.5, constant=True, equal_units=True, zero_bias=True))
    s.loss("cross_entropy", s.linear(h, 4))
    return s.facts(target=labels(classes=4))


@sound
def frozen_average():
    s = Sketch()
    h = s.linear(s.input(32, 8), 4, std=0.0, constant=True, equal_units=True, trainable=False, zero_bias=True)
    s.loss("cross_entropy", s.linear(s.op("relu", h), 4, constant=True, std=0.0))
    return s.facts(target=labels(classes=4))


@sound
def embedding_from_a_normal():
    s = Sketch()
    x = s.op("embedding", s.input(32, 12, dtype="int64"), shape=(32, 12, 64))
    h = s.op("gelu", s.linear(s.norm(x, "layer_norm"), 64))
    s.loss("cross_entropy", s.linear(h, 5))
    return s.facts(target=labels(classes=5), probe=probe((h, 0.5, 1.0), prediction=0.6))


@sound
def large_hidden_values_that_a_norm_restores():
    s = Sketch()
    a = s.op("relu", s.linear(s.input(32, 64), 64, std=1.0, schemes=("normal",)))
    b = s.op("relu", s.norm(s.linear(a, 64, std=1.0, schemes=("normal",))))
    s.loss("cross_entropy", s.linear(b, 4))
    return s.facts(target=labels(classes=4), probe=probe((a, 8.0, 1.0), (b, 0.6, 1.0), prediction=0.4))


# -- pairs of linear layers


@sound
def low_rank_pair():
    s = Sketch()
    h = s.linear(s.linear(s.op("relu", s.linear(s.input(32, 64), 64)), 8), 64)
    s.loss("cross_entropy", s.linear(s.op("relu", h), 4))
    return s.facts(target=labels(classes=4))


@sound
def mean_of_a_vae_in_evaluation():
    s = Sketch()
    h = s.op("relu", s.linear(s.input(32, 64), 32))
    mean, log_variance = s.linear(h, 40), s.linear(h, 40)
    out = s.op("sigmoid", s.linear(s.op("relu", s.linear(mean, 32)), 64))
    s.returns(out, mean, log_variance)
    s.loss("bce", out)
    pixels = features("vector", (32, 64), [column(0.3, 0.2, 0, 1)] * 64)
    return s.facts(target=values((32, 64), 0.0, 1.0, made="input"), features=[pixels])  # fmt: skip


@sound
def attention_by_hand():
    s = Sketch()
    x = s.input(8, 16, 32)
    q, k, v = s.linear(x, 32), s.linear(x, 32), s.linear(x, 32)
    scores = s.op("softmax", s.op("matmul", q, k, shape=(8, 16, 16)), dim=-1)
    h = s.linear(s.op("matmul", scores, v, shape=(8, 16, 32)), 32)
    s.loss("cross_entropy", s.linear(s.op("mean", s.op("add", x, h), shape=(8, 32)), 4))
    return s.facts(target=labels(classes=4))


@sound
def axes_exchanged_between():
    s = Sketch()
    h = s.linear(s.op("gelu", s.linear(s.input(8, 16, 16), 16)), 16)
    h = s.op("gelu", s.linear(s.op("transpose", h), 16))
    s.loss("cross_entropy", s.linear(s.op("mean", h, shape=(8, 16)), 4))
    return s.facts(target=labels(classes=4))


@sound
def tokens_flattened_between():
    s = Sketch()
    h = s.linear(s.op("relu", s.linear(s.input(8, 16, 32), 32)), 32)
    s.loss("cross_entropy", s.linear(s.op("flatten", h, shape=(8, 512)), 4))
    return s.facts(target=labels(classes=4))


@sound
def frozen_projection():
    s = Sketch()
    h = s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 32, trainable=False)
    s.loss("cross_entropy", s.linear(h, 4))
    return s.facts(target=labels(classes=4))


@sound
def mobilenet_bottleneck():
    s = Sketch()
    h = s.op("relu6", s.norm(s.conv(s.input(8, 3, 16, 16), 16)))
    for _ in range(2):
        h = s.op("relu6", s.norm(s.conv(h, 96, 1)))
        h = s.op("relu6", s.norm(s.conv(h, 96, 3, groups=96)))
        h = s.norm(s.conv(h, 16, 1))
    flat = s.op("flatten", s.op("adaptive_avg_pool2d", h, shape=(8, 16, 1, 1)), shape=(8, 16))
    s.loss("cross_entropy", s.linear(s.op("dropout", flat, p=0.2), 10))
    return s.facts(target=labels(classes=10))


@sound
def linear_model():
    s = Sketch()
    s.loss("mse", s.linear(s.linear(s.input(32, 8), 16), 1))
    return s.facts(target=values((32, 1), -2, 2))


@sound
def projector_and_predictor():
    s = Sketch()
    z = s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 16)
    p = s.linear(s.op("relu", s.linear(z, 16)), 16)
    s.returns(z, p)
    s.loss("cosine", p)
    return s.facts(target=values((32, 16), -1, 1, made="constant"))


# -- features


def _on(*columns: object, kind: str = "vector", rows: int = 200, first: str | None = None) -> Facts:
    s = Sketch()
    if kind == "image":
        x = s.input(32, len(columns), 8, 8)
        h = s.conv(x, 16)
        h = s.op("relu", s.norm(h) if first == "norm after" else h)
        h = s.op("flatten", s.op("adaptive_avg_pool2d", h, shape=(32, 16, 1, 1)), shape=(32, 16))
    else:
        x = s.input(32, len(columns))
        h = s.op("relu", s.linear(s.norm(x) if first == "norm before" else x, 16))
    s.loss("cross_entropy", s.linear(h, 4))
    given = features(kind, s.shape(x), columns, rows)
    return s.facts(target=labels(classes=4), features=[given])


@sound
def standardized_features():
    return _on(*[column(0.1, 1.1)] * 8)


@sound
def few_rows_of_standardized_features():
    return _on(*[column(0.9, 0.5)] * 8, rows=5)


@sound
def zeros_and_ones():
    return _on(column(0.5, 0.5, 0, 1), column(0.5, 0.5, 0, 1))


@sound
def rare_one_hot_columns_beside_standardized_ones():
    return _on(column(0.01, 0.1, 0, 1), column(0.99, 0.1, 0, 1), column(0, 1))


@sound
def one_feature_of_ordinary_size():
    return _on(column(1.5, 1.0))


@sound
def pixels_between_minus_one_and_one():
    return _on(*[column(-0.4, 0.5, -1, 1)] * 3, kind="image")


@sound
def raw_pixels_behind_a_norm():
    return _on(*[column(120, 70, 0, 255)] * 3, kind="image", first="norm after")


@sound
def raw_features_behind_a_norm():
    return _on(column(2e4, 3e3), column(0, 1), first="norm before")


@sound
def constant_column():
    return _on(column(1.0, 0.0, 1, 1), column(0, 1))


@sound
def powers_of_one_feature_in_a_linear_model():
    s = Sketch()
    s.loss("mse", s.linear(s.input(32, 3), 1), reduction="sum")
    columns = (column(0, 1.8), column(3.3, 2.9), column(0, 11.7))
    return s.facts(target=values((32, 1), -1, 1), features=[features("vector", (32, 3), columns, 200)])


@sound
def word_ids():
    s = Sketch()
    x = s.input(32, 12, dtype="int64")
    h = s.op("embedding", x, shape=(32, 12, 16))
    s.loss("cross_entropy", s.linear(s.op("mean", h, shape=(32, 16)), 4))
    return s.facts(target=labels(classes=4), features=[features("ids", (32, 12), [column(500, 200)] * 12)])


# -- rates and loops


def _trained(fresh: bool = True, **recipe: object) -> Facts:
    s = Sketch()
    s.loss("cross_entropy", s.linear(s.op("relu", s.linear(s.input(32, 8), 256)), 4))
    facts = s.facts(target=labels(classes=4), **recipe)
    model = facts.model.model_copy(update={"fresh": fresh})
    return facts.model_copy(update={"model": model})


ALL = tuple(f"layer{i}.{role}" for i in (1, 3) for role in ("weight", "bias"))


def _optimizer(kind: str, lr: float, parameters: tuple[str, ...] = ALL) -> Optimizer:
    return Optimizer(kind=kind, lr=lr, momentum=0.9, parameters=parameters, span=Span(path="train.py", line=200))


@sound
def rates_of_optimizers_with_a_scale_of_their_own():
    return _trained(optimizers=tuple(_optimizer(kind, 1.0) for kind in ("Prodigy", "Adadelta", "LARS", "LBFGS")))


@sound
def noam_schedule_around_one():
    return _trained(optimizers=(_optimizer("Adam", 1.0),), scheduler="LambdaLR")


@sound
def large_rate_with_clipped_gradients():
    loop = Loop(clears_gradients=True, clips="norm", optimizer_name="optimizer")
    return _trained(optimizers=(_optimizer("SGD", 30.0),), loop=loop)


@sound
def small_rate_for_fine_tuning():
    return _trained(optimizers=(_optimizer("AdamW", 5e-7),), fresh=False)


@sound
def inputs_that_are_optimized():
    return _trained(optimizers=(_optimizer("Adam", 0.1, ()),))


@sound
def prompt_tuning():
    facts = _trained(optimizers=(_optimizer("Adam", 0.3, ("layer3.bias",)),))
    frozen = [
        p if p.name == "layer3.bias" else p.model_copy(update={"trainable": False}) for p in facts.model.parameters
    ]
    return facts.model_copy(update={"model": facts.model.model_copy(update={"parameters": tuple(frozen)})})


@sound
def edges_of_the_ranges():
    return _trained(optimizers=(_optimizer("SGD", 1.0), _optimizer("Adam", 0.03), _optimizer("SGD", 1e-5)))


@sound
def large_batches_in_which_every_sample_is_a_class():
    s = Sketch()
    z = s.op("normalize", s.linear(s.op("relu", s.linear(s.input(256, 8), 16)), 8))
    s.loss("cross_entropy", s.outside("matmul", z, z, shape=(256, 256)))
    numbers = Target(shape=(256,), dtype="int64", rows=256, low=0, high=255, integral=True, distinct=256, made="data")
    return s.facts(target=numbers, batch_size=256, updates=35)


@sound
def accumulation_that_clears_after_the_step():
    return _trained(loop=Loop(clears_gradients=True, clips=None, optimizer_name="optimizer", steps_seen=2))


@pytest.mark.parametrize("name", SOUND)
def test_no_rule_touches(name):
    found = [f for f in check(SOUND[name](), rules()).findings if f.level in ("error", "warning")]
    assert not found, [(f.rule, f.says, f.why) for f in found]


def test_a_bias_for_each_position_is_not_taken_out_by_a_norm():
    s = Sketch()
    maps = s.op("view", s.linear(s.input(32, 16), 512), shape=(32, 32, 4, 4))
    s.loss("mse", s.conv(s.op("relu", s.norm(maps)), 1))
    assert "bias-before-norm" not in [
        f.rule for f in check(s.facts(target=values((32, 1, 4, 4), -1, 1)), rules()).findings
    ]
