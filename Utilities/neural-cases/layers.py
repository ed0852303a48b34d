"""What PyTorch says of layers: see README.md."""
import pathlib

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

import safetensors_file

FOLDER = pathlib.Path(__file__).parents[2] / "Tests/NeuralTests/Fixtures"
VERSIONS = {"torch": torch.__version__.split("+")[0], "numpy": numpy.__version__}
torch.set_default_dtype(torch.float64)
random = numpy.random.default_rng(11)


def reals(*shape, scale=1.0):
    """Numbers that f32 has, too."""
    return torch.tensor((random.standard_normal(shape) * scale).astype(numpy.float32).astype(numpy.float64))


# The orders of PyTorch's axes in Kiln's.
def same(w):
    return w


def transposed(w):
    return w.T


def filters(w):
    """[outputs, inputs, taps] to [taps, inputs, outputs]."""
    return w.permute(*range(2, w.dim()), 1, 0)


def transposed_filters(w):
    """[inputs, outputs, taps] to [taps, inputs, outputs]."""
    return w.permute(*range(2, w.dim()), 0, 1)


def depthwise(channels):
    """[channels · multiplier, 1, taps] to [taps, channels, multiplier]."""
    def order(w):
        w = w.reshape(channels, -1, *w.shape[2:])
        return w.permute(*range(2, w.dim()), 0, 1)
    return order


def pointwise(w):
    """[outputs, inputs, 1, 1] to [inputs, outputs]."""
    return w.flatten(1).T


def first(call):
    """A function of images with channels first, for images with channels last."""
    return lambda x: call(x.movedim(-1, 1)).movedim(1, -1)


class Cases:
    def __init__(self):
        self.tensors = {}

    def add(self, name, x, weights, call, after=None, prepare=lambda: None):
        """`weights` maps Kiln's names to parameters and the orders of their axes. `x` is a tensor or a list."""
        xs = [x] if isinstance(x, torch.Tensor) else x
        xs = [x.clone().requires_grad_(x.is_floating_point()) for x in xs]
        for parameter, _ in weights.values():
            with torch.no_grad():
                parameter.copy_(reals(*parameter.shape, scale=0.5))
            parameter.grad = None
        with torch.no_grad():
            prepare()
        y = call(*xs)
        cotangent = reals(*y.shape)
        (y * cotangent).sum().backward()
        put = self.put
        for index, x in enumerate(xs):
            suffix = "" if index == 0 else str(index + 1)
            put(f"{name}.input{suffix}", x)
            if x.grad is not None:
                put(f"{name}.gradient{suffix}", x.grad)
        put(f"{name}.output", y)
        put(f"{name}.cotangent", cotangent)
        for key, (parameter, order) in weights.items():
            put(f"{name}.weights.{key}", order(parameter))
            put(f"{name}.gradients.{key}", order(parameter.grad))
        for key, value in (after() if after else {}).items():
            put(f"{name}.after.{key}", value)

    def put(self, name, value):
        value = value.detach().numpy()
        kinds = {"int64": numpy.int32, "bool": numpy.bool_}
        self.tensors[name] = value.astype(kinds.get(value.dtype.name, value.dtype))

    def write(self, file):
        safetensors_file.write(FOLDER / f"{file}.safetensors", self.tensors, VERSIONS)


def parameters(module, order, names=("filter", "bias")):
    weights = {names[0]: (module.weight, order)}
    if module.bias is not None:
        weights[names[1]] = (module.bias, same)
    return weights


def convolutions(cases):
    add = cases.add
    linear = nn.Linear(5, 3)
    add("dense", reals(2, 4, 5), parameters(linear, transposed, ("weight", "bias")), linear)
    linear = nn.Linear(5, 3, bias=False)
    add("denseWithoutBias", reals(2, 5), parameters(linear, transposed, ("weight",)), linear)
    conv = nn.Conv1d(2, 3, 3, stride=2, padding=1)
    add("conv1D", reals(2, 7, 2), parameters(conv, filters), first(conv))
    conv = nn.Conv2d(2, 3, 3)
    add("conv2D", reals(2, 5, 4, 2), parameters(conv, filters), first(conv))
    conv = nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2)
    add("conv2DGroups", reals(1, 5, 5, 4), parameters(conv, filters), first(conv))
    conv = nn.Conv2d(2, 2, 3, padding="same", bias=False)
    add("conv2DSame", reals(1, 4, 3, 2), parameters(conv, filters), first(conv))
    conv = nn.Conv3d(2, 3, 2, stride=(1, 2, 1))
    add("conv3D", reals(1, 3, 4, 3, 2), parameters(conv, filters), first(conv))
    conv = nn.ConvTranspose1d(2, 3, 3, stride=2)
    add("convTranspose1D", reals(2, 3, 2), parameters(conv, transposed_filters), first(conv))
    conv = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1)
    add("convTranspose2D", reals(1, 3, 2, 2), parameters(conv, transposed_filters), first(conv))
    conv = nn.ConvTranspose3d(2, 2, 2, dilation=(1, 2, 1))
    add("convTranspose3D", reals(1, 2, 2, 2, 2), parameters(conv, transposed_filters), first(conv))
    conv = nn.Conv1d(3, 3, 3, groups=3)
    add("depthwiseConv1D", reals(2, 5, 3), parameters(conv, depthwise(3)), first(conv))
    conv = nn.Conv2d(3, 6, 3, padding=1, stride=2, groups=3)
    add("depthwiseConv2D", reals(1, 5, 4, 3), parameters(conv, depthwise(3)), first(conv))
    conv = nn.Conv3d(2, 4, 2, groups=2, bias=False)
    add("depthwiseConv3D", reals(1, 3, 3, 2, 2), parameters(conv, depthwise(2)), first(conv))
    spread, mixed = nn.Conv2d(2, 4, 3, padding=1, groups=2, bias=False), nn.Conv2d(4, 3, 1)
    add("separableConv2D", reals(1, 4, 3, 2), {
        "depthwise.filter": (spread.weight, depthwise(2)), "pointwise.weight": (mixed.weight, pointwise),
        "pointwise.bias": (mixed.bias, same)}, first(lambda x: mixed(spread(x))))


def poolings(cases):
    add = cases.add
    add("maxPool1D", reals(1, 7, 2), {}, first(nn.MaxPool1d(3, 2)))
    add("maxPool2D", reals(1, 5, 6, 2), {}, first(nn.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 0))))
    add("maxPool3D", reals(1, 4, 4, 2, 2), {}, first(nn.MaxPool3d(2)))
    add("averagePool2D", reals(1, 5, 4, 2), {}, first(nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)))
    add("averagePool1D", reals(2, 6, 2), {}, first(nn.AvgPool1d(2)))
    add("globalMaxPool", reals(2, 3, 4, 2), {}, lambda x: x.amax((1, 2)))
    add("globalAveragePool", reals(2, 3, 4, 2), {}, lambda x: x.mean((1, 2)))
    add("adaptiveMaxPool", reals(1, 7, 5, 2), {}, first(nn.AdaptiveMaxPool2d((3, 2))))
    add("adaptiveAveragePool", reals(1, 7, 5, 2), {}, first(nn.AdaptiveAvgPool2d((3, 2))))


def normalizations(cases):
    add = cases.add
    names = ("scale", "offset")
    for shape, kind in [((5, 3), nn.BatchNorm1d), ((2, 3, 2, 3), nn.BatchNorm2d)]:
        norm = kind(3)
        with torch.no_grad():
            norm.running_mean.copy_(reals(3)), norm.running_var.copy_(reals(3).abs() + 0.5)
        suffix = f"{len(shape)}"
        cases.put(f"batchNorm{suffix}.weights.mean", norm.running_mean)
        cases.put(f"batchNorm{suffix}.weights.variance", norm.running_var)
        x = reals(*shape)
        add(f"batchNorm{suffix}", x, parameters(norm, same, names), first(norm) if len(shape) > 2 else norm,
            lambda: {"mean": norm.running_mean, "variance": norm.running_var})
        norm.eval()
        cases.put(f"batchNormInference{suffix}.weights.mean", norm.running_mean)
        cases.put(f"batchNormInference{suffix}.weights.variance", norm.running_var)
        add(f"batchNormInference{suffix}", x, parameters(norm, same, names), first(norm) if len(shape) > 2 else norm)
    norm = nn.LayerNorm(5)
    add("layerNorm", reals(2, 3, 5), parameters(norm, same, names), norm)
    norm = nn.LayerNorm((3, 5), eps=1e-3)
    add("layerNormShape", reals(2, 3, 5), parameters(norm, same, names), norm)
    norm = nn.RMSNorm(5, eps=1e-6)
    add("rmsNorm", reals(2, 3, 5), {"scale": (norm.weight, same)}, norm)
    norm = nn.GroupNorm(2, 4)
    add("groupNorm", reals(2, 3, 2, 4), parameters(norm, same, names), first(norm))
    norm = nn.InstanceNorm2d(3, affine=True)
    add("instanceNorm", reals(2, 3, 2, 3), parameters(norm, same, names), first(norm))


def activations(cases):
    x = torch.cat([reals(2, 7, scale=2), torch.tensor([[-30.0, -7, -2.5, 0.5, 2.5, 7, 30]])])
    kinds = {
        "relu": F.relu, "leakyReLU": lambda x: F.leaky_relu(x, 0.2), "elu": lambda x: F.elu(x, 0.5), "selu": F.selu,
        "gelu": lambda x: F.gelu(x, approximate="tanh"), "geluExact": F.gelu, "silu": F.silu, "mish": F.mish,
        "sigmoid": torch.sigmoid, "logSigmoid": F.logsigmoid, "hardSigmoid": lambda x: F.relu6(x + 3) / 6,
        "hardSwish": F.hardswish, "tanh": torch.tanh, "softplus": lambda x: F.softplus(x, threshold=1e9),
        "softmax": lambda x: F.softmax(x, -1), "logSoftmax": lambda x: F.log_softmax(x, 0)}
    for name, call in kinds.items():
        cases.add(name, x, {}, call)
    norm = nn.PReLU(7)
    cases.add("prelu", x, {"slope": (norm.weight, same)}, norm)


def others(cases):
    add = cases.add
    table = nn.Embedding(5, 3)
    add("embedding", torch.tensor([[0, 4, 4], [2, 1, 0]]), {"table": (table.weight, same)}, table)
    add("flatten", reals(2, 3, 2), {}, nn.Flatten())
    inner, outer = nn.Linear(3, 4), nn.Linear(4, 3)
    weights = {f"0.{key}": value for key, value in parameters(inner, transposed, ("weight", "bias")).items()}
    weights |= {f"2.{key}": value for key, value in parameters(outer, transposed, ("weight", "bias")).items()}
    add("sequential", reals(2, 3), weights, nn.Sequential(inner, nn.Tanh(), outer))
    add("residual", reals(2, 3), {f"body.{key}": value for key, value in weights.items()},
        lambda x: x + outer(torch.tanh(inner(x))))


def recurrent_weights(module, suffix=""):
    """Kiln has one bias, or for GRU a second one for the candidate: PyTorch's other numbers are 0."""
    own, hidden = getattr(module, f"bias_ih_{suffix}"), getattr(module, f"bias_hh_{suffix}")
    weights = {
        "inputWeight": (getattr(module, f"weight_ih_{suffix}"), transposed),
        "hiddenWeight": (getattr(module, f"weight_hh_{suffix}"), transposed), "bias": (own, same)}
    start = 0
    if isinstance(module, nn.GRU):
        start = hidden.numel() // 3 * 2
        weights["candidateBias"] = (hidden, lambda b: b[start:])

    def prepare():
        hidden[:start if start else None] = 0
    return weights, prepare


def masked(module, lengths):
    """The outputs at all places, 0 behind the end of a sequence, and the last state."""
    def call(x):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, last = module(packed)
        return nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0], last
    return call


def recurrences(cases):
    lengths = torch.tensor([4, 2, 1])

    def add(name, module, x, call):
        weights, prepare = recurrent_weights(module, "l0")
        cases.add(name, x, weights, call, prepare=prepare)

    rnn = nn.RNN(3, 2, batch_first=True)
    add("simpleRNN", rnn, reals(2, 4, 3), lambda x: rnn(x)[0])
    relu = nn.RNN(3, 2, batch_first=True, nonlinearity="relu")
    add("simpleRNNRelu", relu, reals(2, 4, 3), lambda x: relu(x)[0])
    lstm, gru = nn.LSTM(3, 2, batch_first=True), nn.GRU(3, 2, batch_first=True)
    for name, module in [("lstm", lstm), ("gru", gru)]:
        add(name, module, reals(2, 4, 3), lambda x: module(x)[0])
        add(f"{name}Reversed", module, reals(2, 4, 3), lambda x: module(x.flip(1))[0].flip(1))
        add(f"{name}Masked", module, reals(3, 4, 3), lambda x: masked(module, lengths)(x)[0])
    add("lstmLast", lstm, reals(2, 4, 3), lambda x: lstm(x)[1][0][0])
    add("gruMaskedLast", gru, reals(3, 4, 3), lambda x: masked(gru, lengths)(x)[1][0])

    def all_states(x, h, c):
        y, (h, c) = lstm(x, (h[None], c[None]))
        return torch.cat([y, h.movedim(0, 1), c.movedim(0, 1)], 1)
    add("lstmInitial", lstm, [reals(2, 4, 3), reals(2, 2), reals(2, 2)], all_states)

    deep = nn.LSTM(3, 2, num_layers=2, bidirectional=True, batch_first=True)
    weights, prepares = {}, []
    for layer in range(2):
        for name, suffix in [("forward", f"l{layer}"), ("backward", f"l{layer}_reverse")]:
            own, prepare = recurrent_weights(deep, suffix)
            weights |= {f"{layer}.{name}.{key}": value for key, value in own.items()}
            prepares.append(prepare)
    cases.add("deepBidirectional", reals(3, 4, 3), weights, lambda x: masked(deep, lengths)(x)[0],
              prepare=lambda: [prepare() for prepare in prepares])


def attention_weights(module, prefix=""):
    width, weights = module.embed_dim, {}
    for number, name in enumerate(["query", "key", "value"]):
        part = slice(number * width, (number + 1) * width)
        weights[f"{prefix}{name}.weight"] = (module.in_proj_weight, lambda w, part=part: w[part].T)
        weights[f"{prefix}{name}.bias"] = (module.in_proj_bias, lambda b, part=part: b[part])
    weights[f"{prefix}output.weight"] = (module.out_proj.weight, transposed)
    weights[f"{prefix}output.bias"] = (module.out_proj.bias, same)
    return weights


def attentions(cases):
    add = cases.add
    module = nn.MultiheadAttention(6, 2, batch_first=True)
    weights = attention_weights(module)
    later = torch.ones(4, 4).triu(1).bool()
    add("attention", reals(2, 4, 6), weights, lambda x: module(x, x, x)[0])
    add("attentionCausal", reals(2, 4, 6), weights, lambda x: module(x, x, x, attn_mask=later)[0])
    add("attentionCross", [reals(2, 3, 6), reals(2, 5, 6)], weights, lambda x, m: module(x, m, m)[0])
    ends = torch.arange(4) >= torch.tensor([4, 2])[:, None]
    add("attentionMasked", reals(2, 4, 6), weights, lambda x: module(x, x, x, key_padding_mask=ends)[0])

    width, heads, shared, d = 8, 4, 2, 2
    parts = [nn.Linear(width, outputs, bias=False) for outputs in [heads * d, shared * d, shared * d, width]]
    own = {f"{name}.weight": (part.weight, transposed)
           for name, part in zip(["query", "key", "value", "output"], parts)}

    def rotate(x, halves):
        time, d = x.shape[-2:]
        angles = torch.arange(time)[:, None] / 10000 ** (torch.arange(0, d, 2) / d)
        turn = torch.polar(torch.ones_like(angles), angles)
        pairs = x.unflatten(-1, (2, -1)).movedim(-2, -1) if halves else x.unflatten(-1, (-1, 2))
        turned = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * turn)
        return (turned.movedim(-1, -2) if halves else turned).flatten(-2)

    def grouped(x, rotated):
        q, k, v = (part(x).unflatten(-1, (-1, d)).movedim(-2, 1) for part in parts[:3])
        if rotated:
            q, k = rotate(q, False), rotate(k, False)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return parts[3](y.movedim(1, 2).flatten(-2))
    add("attentionGrouped", reals(2, 4, width), own, lambda x: grouped(x, False))
    add("attentionRotary", reals(2, 4, width), own, lambda x: grouped(x, True))
    add("rotaryHalves", reals(1, 3, 6), {}, lambda x: rotate(x, True))
    add("rotaryNeighbours", reals(1, 3, 6), {}, lambda x: rotate(x, False))

    def sines(x):
        time, width = x.shape[-2:]
        angles = torch.arange(time)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
        return x + torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[:, :width]
    add("sinusoidal", reals(2, 4, 6), {}, sines)
    add("sinusoidalOdd", reals(1, 3, 5), {}, sines)
    table = nn.Parameter(reals(5, 3))
    add("learned", reals(2, 4, 3), {"table": (table, same)}, lambda x: x + table[:4])


def block_weights(module, cross=False):
    """The last norm is that of the dense layers, which PyTorch numbers."""
    last = module.norm3 if cross else module.norm2
    weights = attention_weights(module.self_attn, "attention.")
    for name, part in [("attentionNorm", module.norm1), ("feedForwardNorm", last)]:
        weights |= {f"{name}.{key}": value for key, value in parameters(part, same, ("scale", "offset")).items()}
    for name, part in [("expansion", module.linear1), ("contraction", module.linear2)]:
        weights |= {f"{name}.{key}": value for key, value in parameters(part, transposed, ("weight", "bias")).items()}
    return weights


def blocks(cases):
    add = cases.add
    for first_norm in [True, False]:
        suffix = "" if first_norm else "NormLast"
        options = {"dropout": 0, "batch_first": True, "norm_first": first_norm}
        block = nn.TransformerEncoderLayer(4, 2, 5, activation=F.gelu, **options)
        add(f"encoder{suffix}", reals(2, 3, 4), block_weights(block), block)
        block = nn.TransformerDecoderLayer(4, 2, 5, activation=F.relu, **options)
        weights = {f"own.{key}": value for key, value in block_weights(block, cross=True).items()}
        weights |= attention_weights(block.multihead_attn, "crossAttention.")
        weights |= {f"crossNorm.{key}": value
                    for key, value in parameters(block.norm2, same, ("scale", "offset")).items()}
        later = torch.ones(3, 3).triu(1).bool()
        add(f"decoder{suffix}", [reals(2, 3, 4), reals(2, 4, 4)], weights,
            lambda x, m: block(x, m, tgt_mask=later))
    # As in BERT: norms behind the sums, and sequences of different lengths.
    ended = torch.arange(4) >= torch.tensor([[4], [2]])
    block = nn.TransformerEncoderLayer(
        4, 2, 5, dropout=0, activation=F.gelu, layer_norm_eps=0.1, batch_first=True, norm_first=False)
    add("encoderMasked", reals(2, 4, 4), block_weights(block), lambda x: block(x, src_key_padding_mask=ended))
    block = nn.TransformerDecoderLayer(4, 2, 5, dropout=0, layer_norm_eps=0.1, batch_first=True)
    weights = {f"own.{key}": value for key, value in block_weights(block, cross=True).items()}
    weights |= attention_weights(block.multihead_attn, "crossAttention.")
    weights |= {f"crossNorm.{key}": value for key, value in parameters(block.norm2, same, ("scale", "offset")).items()}
    add("decoderEpsilon", [reals(2, 3, 4), reals(2, 4, 4)], weights,
        lambda x, m: block(x, m, tgt_mask=torch.ones(3, 3).triu(1).bool()))


if __name__ == "__main__":
    files = {
        "layers": [convolutions, poolings, normalizations, activations, others],
        "sequences": [recurrences, attentions, blocks]}
    for file, parts in files.items():
        cases = Cases()
        for part in parts:
            part(cases)
        cases.write(file)
