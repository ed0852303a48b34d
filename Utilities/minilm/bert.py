"""What the scripts beside it share: the weights of a BERT model, and its embeddings in NumPy's f64."""
import json
import math
import mmap
import pathlib

import numpy as np
import tokenizers

LIMIT = 256
DTYPES = {"F32": np.float32, "F64": np.float64}
erf = np.vectorize(math.erf, otypes=[np.float64])


class Model:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.sizes = json.loads((folder / "config.json").read_text())
        self.weights = read(folder / "model.safetensors")
        self.folder = folder

    def pieces(self, texts):
        """The numbers of the pieces of each text, by the package `tokenizers`."""
        tokenizer = tokenizers.Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(LIMIT)
        return [tokenizer.encode(text).ids for text in texts]

    def dense(self, x, name):
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + self.sizes["layer_norm_eps"])
        return x * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def attention(self, x, name):
        heads = self.sizes["num_attention_heads"]
        q, k, v = (self.dense(x, f"{name}.self.{part}").reshape(len(x), heads, -1).transpose(1, 0, 2)
                   for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = scores / scores.sum(-1, keepdims=True) @ v
        return self.dense(mixed.transpose(1, 0, 2).reshape(x.shape), f"{name}.output.dense")

    def embedding(self, pieces):
        """The mean over all places, of length 1."""
        tables = [f"embeddings.{name}_embeddings.weight" for name in ("word", "position", "token_type")]
        words, positions, kinds = (self.weights[name] for name in tables)
        x = self.norm(words[pieces] + positions[:len(pieces)] + kinds[0], "embeddings.LayerNorm")
        for layer in range(self.sizes["num_hidden_layers"]):
            name = f"encoder.layer.{layer}"
            x = self.norm(x + self.attention(x, f"{name}.attention"), f"{name}.attention.output.LayerNorm")
            inner = self.dense(x, f"{name}.intermediate.dense")
            inner = 0.5 * inner * (1 + erf(inner / math.sqrt(2)))
            x = self.norm(x + self.dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        mean = x.mean(0)
        return mean / np.sqrt(mean @ mean)

    def expected(self, pieces):
        """What the file has that the Swift program is compared with."""
        return {
            "pieces": np.concatenate(pieces).astype(np.int32),
            "lengths": np.array([len(row) for row in pieces], np.int32),
            "embeddings": np.stack([self.embedding(row) for row in pieces]),
        }


def read(path):
    """The tensors of reals in a safetensors file, in f64."""
    with open(path, "rb") as file:
        bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    count = int.from_bytes(bytes[:8], "little")
    header = json.loads(bytes[8:8 + count])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] in DTYPES:
            start, end = (8 + count + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(bytes[start:end], DTYPES[entry["dtype"]]).reshape(
                entry["shape"]).astype(np.float64)
    return tensors
