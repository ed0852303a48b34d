"""Writes a safetensors file: named arrays of NumPy, and notes. Needs NumPy alone."""
import json
import struct

import numpy

NAMES = {
    "bool": "BOOL", "int8": "I8", "uint8": "U8", "int16": "I16", "uint16": "U16", "int32": "I32", "uint32": "U32",
    "int64": "I64", "uint64": "U64", "float16": "F16", "float32": "F32", "float64": "F64",
}


def write(path, tensors, metadata):
    """`tensors` maps names to what `numpy.asarray` takes; greater elements come first, so all lie aligned."""
    arrays = {name: numpy.ascontiguousarray(numpy.asarray(value)) for name, value in tensors.items()}
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header, end = {"__metadata__": {key: str(value) for key, value in metadata.items()}}, 0
    for name in names:
        array, start = arrays[name], end
        end += array.nbytes
        # ascontiguousarray makes a vector of a scalar.
        shape = list(numpy.shape(tensors[name]))
        header[name] = {"dtype": NAMES[array.dtype.name], "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            file.write(arrays[name].tobytes())
