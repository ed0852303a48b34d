"""The same network for onnxruntime, in the fused operations that its own optimizer for BERT models puts in place of
the plain ones: attention, sums with norms, and GELU with its bias."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PLAIN, FUSED = "", "com.microsoft"


def build(model, path):
    """Writes a graph from `pieces` [batch, time], all of one length, to `embeddings` [batch, width]."""
    graph = Graph(model)
    sizes = model.sizes
    epsilon = sizes["layer_norm_eps"]
    words = graph.node("Gather", [graph.weight("embeddings.word_embeddings.weight"), "pieces"])
    time = graph.node("Shape", ["pieces"], start=1, end=2)
    kind = model.weights["embeddings.token_type_embeddings.weight"][0]
    places = graph.constant(model.weights["embeddings.position_embeddings.weight"] + kind)
    zero = graph.constant(np.array([0], np.int64))
    x = graph.node("Add", [words, graph.node("Slice", [places, zero, time])])
    x = graph.node("LayerNormalization", [x, *graph.norm("embeddings.LayerNorm")], epsilon=epsilon)
    for layer in range(sizes["num_hidden_layers"]):
        name = f"encoder.layer.{layer}"
        parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        weights = graph.constant(np.concatenate([model.weights[f"{part}.weight"].T for part in parts], 1))
        bias = graph.constant(np.concatenate([model.weights[f"{part}.bias"] for part in parts]))
        y = graph.node("Attention", [x, weights, bias], FUSED, num_heads=sizes["num_attention_heads"])
        x = graph.added(x, y, f"{name}.attention.output", epsilon)
        y = graph.node("MatMul", [x, graph.transposed(f"{name}.intermediate.dense.weight")])
        y = graph.node("BiasGelu", [y, graph.weight(f"{name}.intermediate.dense.bias")], FUSED)
        x = graph.added(x, y, f"{name}.output", epsilon)
    mean = graph.node("ReduceMean", [x, graph.constant(np.array([1], np.int64))], keepdims=0)
    graph.node("LpNormalization", [mean], axis=1, p=2, output="embeddings")
    graph.write(path)


class Graph:
    def __init__(self, model):
        self.model, self.nodes, self.constants = model, [], []

    def node(self, op, inputs, domain=PLAIN, output=None, **attributes):
        output = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))
        return output

    def constant(self, value):
        name = f"c{len(self.constants)}"
        value = value.astype(np.float32) if value.dtype == np.float64 else value
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, name):
        return self.constant(self.model.weights[name])

    def transposed(self, name):
        return self.constant(self.model.weights[name].T)

    def norm(self, name):
        return [self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]

    def added(self, x, y, name, epsilon):
        """The norm of the sum of x and a dense layer of y."""
        y = self.node("MatMul", [y, self.transposed(f"{name}.dense.weight")])
        inputs = [x, y, *self.norm(f"{name}.LayerNorm"), self.weight(f"{name}.dense.bias")]
        return self.node("SkipLayerNormalization", inputs, FUSED, epsilon=epsilon)

    def write(self, path):
        width = self.model.sizes["hidden_size"]
        graph = helper.make_graph(
            self.nodes, "bert",
            [helper.make_tensor_value_info("pieces", TensorProto.INT64, ["batch", "time"])],
            [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", width])], self.constants)
        opsets = [helper.make_opsetid(PLAIN, 18), helper.make_opsetid(FUSED, 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
