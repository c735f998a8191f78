"""WAV files, as soundfile and scipy.io.wavfile write and read them."""

import io
import json
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy
import soundfile
from scipy.io import wavfile

from cases import Case, Session, main
from checks import expect, same
from members import check_file, random_values, refuses, write_file
from mounting import Mount

DATA = Path(scipy.__file__).parent / "io" / "tests" / "data"
REFUSED = {
    "test-8000Hz-le-1ch-1byte-ulaw.wav": "its samples are compressed: mu-law",
    "test-44100Hz-le-1ch-4bytes-early-eof.wav": "the file is incomplete",
    "test-44100Hz-le-1ch-4bytes-early-eof-no-data.wav": "needs byte 76; the file has 72",
    "test-44100Hz-le-1ch-4bytes-incomplete-chunk.wav": "needs byte 16; the file has 13",
    "test-8000Hz-le-3ch-5S-24bit-inconsistent.wav": "4 bytes for 3 channels",
}
"""What is not shown, and why. Of the one that ends early, scipy reads the part that is there."""


def odd_sizes(samples: np.ndarray, width: int, order: str) -> np.ndarray:
    """Samples of a width that NumPy has no type for, as bytes; scipy has them at the most significant end."""
    raw = np.ascontiguousarray(samples).view("u1").reshape(*samples.shape, samples.dtype.itemsize)
    return raw[..., -width:] if order == "<" else raw[..., :width]


def judged(file: Path) -> tuple[int, np.ndarray]:
    """The sample rate and the samples as stored, as scipy reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # Of chunks that it does not know, and early ends.
        rate, samples = wavfile.read(file)
    data = file.read_bytes()
    order = ">" if data.startswith(b"RIFX") else "<"
    at = data.index(b"fmt ") + 8
    channels, _, _, block = struct.unpack_from(order + "HIIH", data, at + 2)
    width = block // channels
    return rate, odd_sizes(samples, width, order) if width in (3, 5, 6, 7) else samples


def has_rate(rate: int, ndim: int) -> Callable[[Mount], None]:
    def check(mount: Mount) -> None:
        with open(mount.path("meta.json"), "rb") as file:
            meta = json.load(file)
        same("the sample rate", rate, meta["attributes"]["sample_rate"])
        same("the first axis", "frame", meta["dims"][0])
        same("the number of axes", ndim, len(meta["dims"]))

    return check


def real_files(session: Session) -> None:
    files = sorted(DATA.glob("*.wav"))
    expect(len(files) == 22, f"scipy has only {files}")
    for file in files:
        if file.name in REFUSED:
            refuses(session, file, (), REFUSED[file.name])
            continue
        rate, samples = judged(file)
        check_file(session, file, {"": samples}, also=has_rate(rate, samples.ndim))


def bits(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).view("u1")


def written_by_soundfile(session: Session) -> None:
    """Every container, type and byte order; mono, stereo and five channels; and written through the mount."""
    types = {"PCM_U8": "u1", "PCM_16": "i2", "PCM_24": "u1", "PCM_32": "i4", "FLOAT": "f4", "DOUBLE": "f8"}
    number = 0
    for container, endian in [("WAV", "LITTLE"), ("WAV", "BIG"), ("WAVEX", "LITTLE"), ("RF64", "LITTLE")]:
        for subtype, stored in types.items():
            channels = [1, 2, 5][number % 3]
            number += 1
            file = session.directory / f"{number}.wav"
            # The number of samples is odd, so that bytes are padded.
            samples = session.rng.uniform(-0.9, 0.9, (33, channels))
            soundfile.write(file, samples, 22050 + number, subtype, endian, container)
            rate, expected = judged(file)
            dtype = np.dtype(stored).newbyteorder("<>"[endian == "BIG"])
            same("the type", dtype, expected.dtype)
            same("the shape", (33, *[channels][: channels > 1], *[3][: subtype == "PCM_24"]), expected.shape)
            check_file(session, file, {"": expected}, also=has_rate(rate, expected.ndim))
            if number % 3 == 0:
                written = write_file(session, file, {"": expected})[""]
                np.testing.assert_array_equal(bits(judged(file)[1]), bits(written))
                same("the frames", 33, soundfile.info(file).frames)
                check_file(session, file, {"": written}, mode="c")


def written_by_scipy(session: Session) -> None:
    for number, dtype in enumerate(["u1", "i2", "i4", "i8", "f4", "f8"]):
        file = session.directory / f"{dtype}.wav"
        shape = [(0,), (7,), (5, 3)][number % 3]
        wavfile.write(file, 8000, random_values(session.rng, np.zeros(shape, dtype)))
        rate, samples = judged(file)
        check_file(session, file, {"": samples}, also=has_rate(rate, samples.ndim))


def plain_file(channels: int = 1, frames: int = 9) -> bytes:
    buffer = io.BytesIO()
    samples = np.arange(frames * channels, dtype="i2").reshape(frames, channels)
    wavfile.write(buffer, 8000, samples[:, 0] if channels == 1 else samples)
    return buffer.getvalue()


def sizes_of_streams(session: Session) -> None:
    """A program that writes to a pipe cannot fill in the sizes; an empty sound before other chunks stays empty."""
    data = plain_file(2)
    expected = np.arange(18, dtype="<i2").reshape(9, 2)
    unknown = 2**32 - 1
    file = session.directory / "stream.wav"
    for whole, size, tail in [
        (unknown, unknown, b""),
        (0, 0, b""),
        (36, 0, b""),
        (unknown, unknown, b"abc"),
        (36, unknown, b"a"),
    ]:
        changed = bytearray(data + tail)
        struct.pack_into("<I", changed, 4, whole)
        struct.pack_into("<I", changed, 40, size)
        file.write_bytes(changed)
        check_file(session, file, {"": expected})
    empty = bytearray(data[:44] + b"LIST" + struct.pack("<I", 4) + b"INFO")
    struct.pack_into("<I", empty, 4, len(empty) - 8)
    struct.pack_into("<I", empty, 40, 0)
    file.write_bytes(empty)
    check_file(session, file, {"": judged(file)[1]})


def other_chunks(session: Session) -> None:
    """Chunks before the samples, of odd sizes too, and after them."""
    data = plain_file(2)
    expected = np.arange(18, dtype="<i2").reshape(9, 2)
    file = session.directory / "chunks.wav"
    for before, after in [
        (b"LIST" + struct.pack("<I", 3) + b"abc\0", b""),
        (b"JUNK" + struct.pack("<I", 28) + bytes(28), b"LIST" + struct.pack("<I", 4) + b"INFO"),
        (b"abcd" + struct.pack("<I", 1) + b"x\0" + b"PAD " + struct.pack("<I", 0), b"LIST" + struct.pack("<I", 0)),
    ]:
        changed = bytearray(data[:12] + before + data[12:] + after)
        struct.pack_into("<I", changed, 4, len(changed) - 8)
        file.write_bytes(changed)
        check_file(session, file, {"": expected})
        np.testing.assert_array_equal(expected, soundfile.read(file, dtype="int16")[0])


def compressed(session: Session) -> None:
    for subtype, words in {
        "ULAW": "mu-law (0x0007)",
        "ALAW": "A-law (0x0006)",
        "IMA_ADPCM": "IMA ADPCM",
        "MS_ADPCM": "Microsoft ADPCM",
        "GSM610": "GSM 6.10",
    }.items():
        file = session.directory / f"{subtype}.wav"
        soundfile.write(file, np.zeros(1000), 8000, subtype, format="WAV")
        refuses(session, file, (), "is an unsupported wav file: its samples are compressed", words, "ffmpeg")


def hostile(session: Session) -> None:
    """Fields of the header that lie; each message has the value."""
    data = plain_file(2)
    for at, form, value, message in [
        (16, "<I", 15, "a 'fmt ' chunk of 15 bytes"),
        (16, "<I", 2**32 - 1, "needs byte 4294967315"),
        (20, "<H", 0xFFFE, "unknown codec"),
        (20, "<H", 0x55, "MP3"),
        (20, "<H", 0x1234, "an unknown codec (0x1234)"),
        (20, "<H", 3, "samples of 16 bits in 2 bytes"),
        (22, "<H", 0, "4 bytes for 0 channels"),
        (22, "<H", 3, "4 bytes for 3 channels"),
        (32, "<H", 0, "0 bytes for 2 channels"),
        (32, "<H", 18, "in 9 bytes"),
        (34, "<H", 17, "samples of 17 bits in 2 bytes"),
        (36, "4s", b"none", "arrayfs: "),
        (40, "<I", 2**32 - 2, "incomplete"),
    ]:
        changed = bytearray(data)
        struct.pack_into(form, changed, at, value)
        file = session.directory / "hostile.wav"
        file.write_bytes(changed)
        refuses(session, file, (), message)
    file.write_bytes(data[:12] + data[36:])
    refuses(session, file, (), "no 'fmt ' chunk comes before the 'data' chunk")
    file.write_bytes(data[:12] + (b"PAD " + bytes(4)) * 10_001 + data[12:])
    refuses(session, file, (), "no 'data' chunk is among the first 10000")
    long = b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<IQQQI", 28, 0, 2**63, 0, 0)
    file.write_bytes(long + data[12:40] + b"\xff\xff\xff\xff" + data[44:])
    refuses(session, file, (), "reaches byte 2^63")


def truncated(session: Session) -> None:
    """A file that ends at any byte is refused."""
    data = plain_file()
    part = session.directory / "part.wav"
    for end in range(len(data)):
        part.write_bytes(data[:end])
        refuses(session, part, ("--format", "wav"), "arrayfs: ", "part.wav")


CASES: dict[str, Case] = {
    "real files": real_files,
    "written by soundfile": written_by_soundfile,
    "written by scipy": written_by_scipy,
    "sizes of streams": sizes_of_streams,
    "other chunks": other_chunks,
    "compressed": compressed,
    "hostile headers": hostile,
    "truncated": truncated,
}

if __name__ == "__main__":
    main(__doc__, CASES)
