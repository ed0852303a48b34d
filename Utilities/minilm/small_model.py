"""Writes Tests/MiniLMTests/Fixtures: a model of two blocks with random weights, in the files and by the names of
Hugging Face's library, and what NumPy's f64 makes of some pieces.

  VENV/bin/python Utilities/minilm/small_model.py
"""
import json
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
sys.dont_write_bytecode = True
sys.path.append(str(HERE.parent / "neural-cases"))
import bert
import safetensors_file

FOLDER = HERE.parents[1] / "Tests/MiniLMTests/Fixtures"
random = np.random.default_rng(3)
vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "cat", "##s", "sleep", "warm", "in", "the", "sun", "."]
sizes = {
    "vocab_size": len(vocabulary), "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 12, "max_position_embeddings": 40, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
}
tensors = {"embeddings.position_ids": np.arange(40)[None]}


def add(name, *shape):
    tensors[name] = random.standard_normal(shape).astype(np.float32)


def add_pair(name, *shape):
    """A dense layer, [outputs, inputs], or a norm, [width]."""
    add(f"{name}.weight", *shape)
    add(f"{name}.bias", shape[0])


for table, count in [("word", "vocab_size"), ("position", "max_position_embeddings"), ("token_type", "type_vocab_size")]:
    add(f"embeddings.{table}_embeddings.weight", sizes[count], 8)
add_pair("embeddings.LayerNorm", 8)
for layer in range(sizes["num_hidden_layers"]):
    name = f"encoder.layer.{layer}"
    for part in ["query", "key", "value"]:
        add_pair(f"{name}.attention.self.{part}", 8, 8)
    add_pair(f"{name}.attention.output.dense", 8, 8)
    add_pair(f"{name}.attention.output.LayerNorm", 8)
    add_pair(f"{name}.intermediate.dense", 12, 8)
    add_pair(f"{name}.output.dense", 8, 12)
    add_pair(f"{name}.output.LayerNorm", 8)
add_pair("pooler.dense", 8, 8)

FOLDER.mkdir(parents=True, exist_ok=True)
(FOLDER / "config.json").write_text(json.dumps(sizes, indent=2) + "\n")
(FOLDER / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
notes = {"numpy": np.__version__}
safetensors_file.write(FOLDER / "model.safetensors", tensors, notes)
# "A cat.", "The cats sleep in the warm sun." and, again and again, as many pieces as make another length.
cat, cats = [2, 4, 5, 12, 3], [2, 10, 5, 6, 7, 9, 10, 8, 11, 12, 3]
rows = [cat, cats, [2] + cats[1:-1] * 3 + [3]]
safetensors_file.write(FOLDER / "expected.safetensors", bert.Model(FOLDER).expected(rows), notes)
