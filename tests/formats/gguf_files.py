"""GGUF files, as the library `gguf` writes and reads them."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType, GGUFEndian, GGUFReader, GGUFValueType, GGUFWriter

from cases import Case, Session, main
from checks import expect, same
from members import check_file, read, refuses, write_file
from mounting import Mount

TYPES = ["<f4", "<f2", "<f8", "i1", "<i2", "<i4", "<i8"]
SHAPES = [(1,), (5,), (3, 4), (2, 3, 4), (2, 1, 3, 2), (7, 32)]

TOKENS = [f"token{number}" for number in range(20_000)]

METADATA = {
    "general.name": "a model",
    "a.u8": (255, GGUFValueType.UINT8),
    "a.i8": (-128, GGUFValueType.INT8),
    "a.u16": (65535, GGUFValueType.UINT16),
    "a.i16": (-32768, GGUFValueType.INT16),
    "a.u32": (2**32 - 1, GGUFValueType.UINT32),
    "a.i32": (-(2**31), GGUFValueType.INT32),
    "a.u64": (2**64 - 1, GGUFValueType.UINT64),
    "a.i64": (-(2**63), GGUFValueType.INT64),
    "a.f32": (1e-6, GGUFValueType.FLOAT32),
    "a.f64": (0.1, GGUFValueType.FLOAT64),
    "a.bool": (True, GGUFValueType.BOOL),
    "a.numbers": [1, 2, 3],
    "a.strings": ["x", "", "\u00fc"],
    "a.floats": [0.5, -1.25],
}


def new_writer(file: Path, **options: object) -> GGUFWriter:
    writer = GGUFWriter(file, "llama", **options)
    for key, value in METADATA.items():
        if isinstance(value, list):
            writer.add_array(key, value)
        elif isinstance(value, tuple):
            writer.add_key_value(key, *value)
        else:
            writer.add_string(key, value)
    return writer


def finish(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def random_tensors(session: Session) -> dict[str, np.ndarray]:
    tensors = {}
    for number, dtype in enumerate(TYPES):
        for shape in (SHAPES[number % len(SHAPES)], SHAPES[(number + 3) % len(SHAPES)]):
            values = session.rng.integers(-100, 100, shape).astype(dtype)
            tensors[f"blk.{number}.{len(shape)}.{np.dtype(dtype).name}"] = values
    return tensors


def loaded(file: Path) -> dict[str, np.ndarray]:
    """The tensors of the library, in the byte order of the file."""
    reader = GGUFReader(file)
    swaps = reader.endianess == GGUFEndian.BIG
    return {
        tensor.name: np.array(tensor.data).astype(tensor.data.dtype.newbyteorder(">" if swaps else "<"))
        for tensor in reader.tensors
    }


def check_attributes(mount: Mount) -> None:
    found = json.loads(read(mount.path("meta.json")))["attributes"]
    for key, value in METADATA.items():
        same(key, value[0] if isinstance(value, tuple) else value, found[key])


def all_types(session: Session) -> None:
    """All plain types in both byte orders, under alignments, written in place and read again."""
    for number, options in enumerate([{}, {"endianess": GGUFEndian.BIG}, {"alignment": 256}, {"alignment": 8}]):
        file = session.directory / f"model{number}.gguf"
        options = dict(options)
        alignment = options.pop("alignment", None)
        writer = new_writer(file, **options)
        if alignment:
            writer.add_custom_alignment(alignment)
        tensors = random_tensors(session)
        for name, array in tensors.items():
            writer.add_tensor(name, array)
        finish(writer)
        expected = loaded(file)
        for name, array in tensors.items():
            np.testing.assert_array_equal(array, expected[name])
        check_file(session, file, expected, also=check_attributes)
        written = write_file(session, file, expected)
        again = loaded(file)
        check_file(session, file, again, mode="c")
        for name, array in again.items():
            same(f"the bytes of {name}", written[name].tobytes(), array.tobytes())


def version_2(session: Session) -> None:
    """Version 2 differs from 3 in its number; version 1 and later ones are refused."""
    file = session.directory / "model.gguf"
    writer = new_writer(file)
    writer.add_tensor("a", np.arange(12, dtype="f4").reshape(3, 4))
    finish(writer)
    data = file.read_bytes()
    file.write_bytes(data[:4] + struct.pack("<I", 2) + data[8:])
    check_file(session, file, loaded(file), also=check_attributes)
    for version, words in [(1, "version 1 of GGUF"), (4, "version 4: expected 2 or 3"), (255, "version 255")]:
        file.write_bytes(data[:4] + struct.pack("<I", version) + data[8:])
        refuses(session, file, (), words)


def quantised(session: Session) -> None:
    """Quantised tensors are listed with their type, by the names of the library; bfloat16 is an array or listed."""
    file = session.directory / "quantised.gguf"
    writer = GGUFWriter(file, "llama")
    writer.add_tensor("plain", np.arange(8, dtype="f4"))
    kinds = [kind for kind in GGMLQuantizationType if gguf.GGML_QUANT_SIZES[kind][0] > 1]
    for kind in kinds:
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        writer.add_tensor(kind.name, np.zeros((2, size), "u1"), raw_shape=(2, size), raw_dtype=kind)
        expect(elements > 1, kind.name)
    writer.add_tensor("behind", np.arange(3, dtype="i8"))
    finish(writer)

    def names_of_types(mount: Mount) -> None:
        for other in json.loads(read(mount.path("meta.json")))["skipped"]:
            same("why", f"it is quantised ({other['name']})", other["why"])

    shown = {name: loaded(file)[name] for name in ["plain", "behind"]}
    skipped = tuple(kind.name for kind in kinds)
    check_file(session, file, shown, announces=("others are not shown",), skipped=skipped, also=names_of_types)
    refuses(session, file, ("--array", "Q4_K"), "it is quantised (Q4_K)", "gguf.quants.dequantize")
    file = session.directory / "only.gguf"
    writer = GGUFWriter(file, "llama")
    writer.add_tensor("q", np.zeros((2, 34), "u1"), raw_shape=(2, 34), raw_dtype=GGMLQuantizationType.Q8_0)
    finish(writer)
    refuses(session, file, (), "q: it is quantised (Q8_0)", "gguf.quants.dequantize")


def bfloat16(session: Session) -> None:
    file = session.directory / "bfloat16.gguf"
    bits = session.rng.integers(0, 2**16, (3, 5)).astype("<u2")
    writer = GGUFWriter(file, "llama")
    writer.add_tensor("plain", np.arange(8, dtype="f4"))
    writer.add_tensor("b", bits.view("u1"), raw_shape=(3, 10), raw_dtype=GGMLQuantizationType.BF16)
    writer.add_tensor("q", np.zeros((2, 34), "u1"), raw_shape=(2, 34), raw_dtype=GGMLQuantizationType.Q8_0)
    finish(writer)
    with session.mount(file, ["--mode", "r"], ("not shown",)) as mount:
        meta = json.loads(read(mount.path("meta.json")))
        arrays = {array["name"]: array for array in meta["arrays"]}
        if "b" in arrays:
            same("the name of the dtype", "bfloat16", arrays["b"]["dtype_name"])
            same("the bytes", bits.tobytes(), read(mount.path("b/data")))
        else:
            same("what is skipped", {"name": "b", "why": "its type is bfloat16"}, meta["skipped"][0])


def long_values(session: Session) -> None:
    """Long lists are left out with their length; the tensors behind them are found."""
    file = session.directory / "long.gguf"
    writer = new_writer(file)
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.5] * len(TOKENS))
    writer.add_chat_template("x" * 70_000)
    writer.add_tensor("a", np.arange(4, dtype="f4"))
    finish(writer)

    def left_out(mount: Mount) -> None:
        check_attributes(mount)
        found = json.loads(read(mount.path("meta.json")))["attributes"]
        for key, words in [
            ("tokenizer.ggml.tokens", "left out: an array of 20000 values"),
            ("tokenizer.ggml.scores", "left out: an array of 20000 values"),
            ("tokenizer.chat_template", "left out: 70008 bytes"),
        ]:
            same(key, words, found[key])

    check_file(session, file, loaded(file), also=left_out)


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def framed(values: list[bytes], tensors: list[bytes], data: bytes = bytes(32)) -> bytes:
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values)) + b"".join(values + tensors)
    return header + bytes(-len(header) % 32) + data


def tensor(name: str = "a", dims: tuple[int, ...] = (4,), kind: int = 0, offset: int = 0) -> bytes:
    return string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


def hostile_files() -> Iterator[tuple[str, bytes, str]]:
    nested = string("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 70 + struct.pack("<IQ", 0, 0)
    head = b"GGUF" + struct.pack("<I", 3)
    yield "tensor count", head + struct.pack("<QQ", 1 << 62, 0) + bytes(99), "4611686018427387904 tensors"
    yield "value count", head + struct.pack("<QQ", 0, 1 << 63) + bytes(99), "9223372036854775808 values"
    yield "key length", head + struct.pack("<QQQ", 0, 1, 1 << 62) + bytes(99), "a name of 4611686018427387904 bytes"
    yield "string length", framed([string("k") + struct.pack("<IQ", 8, 1 << 63)], []), "needs byte"
    yield "array length", framed([string("k") + struct.pack("<IIQ", 9, 4, 1 << 62)], []), "needs byte"
    yield "strings", framed([string("k") + struct.pack("<IIQ", 9, 8, 1 << 62)], []), "needs byte"
    yield "nesting", framed([nested], []), "nested 64 deep"
    yield "type", framed([string("k") + struct.pack("<I", 13)], []), "a value of type 13"
    yield "element type", framed([string("k") + struct.pack("<IIQ", 9, 99, 5)], []), "a value of type 99"
    yield "repeated key", framed([string("k") + struct.pack("<IB", 0, 1)] * 2, []), "is repeated"
    for alignment in [0, 3, 48]:
        value = string("general.alignment") + struct.pack("<II", 4, alignment)
        yield f"alignment {alignment}", framed([value], [tensor()]), "general.alignment is no power of two"
    value = string("general.alignment") + struct.pack("<IQ", 10, 32)
    yield "alignment of 64 bits", framed([value], [tensor()]), "general.alignment is no power of two"
    yield "axes", framed([], [string("a") + struct.pack("<I", 65) + bytes(65 * 8 + 12)]), "65 axes"
    yield "offset", framed([], [tensor(offset=32)]), "a: needs byte 112; the file has 96"
    yield "offset at the end", framed([], [tensor(offset=2**64 - 1)]), "a: "
    yield "product", framed([], [tensor(dims=(1 << 40, 1 << 40))]), "a: "
    yield "size", framed([], [tensor(dims=(1 << 40,))]), "a: needs byte"
    yield "unknown type", framed([], [tensor(kind=77)]), "a: its type 77 is unknown"
    yield "no tensors", framed([], []), "holds no array"


def hostile(session: Session) -> None:
    for name, data, words in hostile_files():
        file = session.directory / f"{name}.gguf"
        file.write_bytes(data)
        refuses(session, file, (), words)
    twice = session.directory / "twice.gguf"
    twice.write_bytes(framed([], [tensor(), tensor(offset=16)]))
    check_file(session, twice, {"a": np.zeros(4, "f4")}, announces=("not shown",), skipped=("a",))


def truncated(session: Session) -> None:
    """A file that ends at any byte is refused."""
    file = session.directory / "whole.gguf"
    values = [string("k") + struct.pack("<I", 8) + string("v"), string("l") + struct.pack("<IIQH", 9, 2, 1, 7)]
    file.write_bytes(framed(values, [tensor()], bytes(16)))
    check_file(session, file, loaded(file))
    data = file.read_bytes()
    for end in range(len(data)):
        part = session.directory / "part.gguf"
        part.write_bytes(data[:end])
        refuses(session, part, ("--format", "gguf"), "needs byte")


CASES: dict[str, Case] = {
    "all types": all_types,
    "version 2": version_2,
    "quantised": quantised,
    "bfloat16": bfloat16,
    "long values": long_values,
    "hostile files": hostile,
    "truncated": truncated,
}

if __name__ == "__main__":
    main(__doc__, CASES)
