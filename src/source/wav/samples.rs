//! The `fmt ` chunk of a WAV file: how samples are stored.

use serde_json::json;

use super::Head;
use crate::dtype::DType;
use crate::source::{Attributes, Endian, FormatError};

const PCM: u32 = 1;
const FLOAT: u32 = 3;

/// The tag of a chunk that has the actual one in a GUID.
const EXTENSIBLE: u32 = 0xfffe;

/// What follows the tag in a GUID, in little-endian files: that of the WAV format, and that of
/// ambisonic B-format.
const GUIDS: [[u8; 12]; 2] = [
    *b"\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71",
    *b"\x21\x07\xd3\x11\x86\x44\xc8\xc1\xca\0\0\0",
];

/// The tags of compressed samples that occur most.
const CODECS: [(u32, &str); 12] = [
    (0x02, "Microsoft ADPCM"),
    (0x06, "A-law"),
    (0x07, "mu-law"),
    (0x11, "IMA ADPCM"),
    (0x31, "GSM 6.10"),
    (0x40, "G.721 ADPCM"),
    (0x50, "MPEG"),
    (0x55, "MP3"),
    (0x92, "Dolby AC-3"),
    (0x161, "Windows Media Audio"),
    (0xff, "AAC"),
    (0xf1ac, "FLAC"),
];

/// How samples are stored.
#[derive(Debug)]
pub(super) struct Samples {
    tag: u32,
    pub(super) channels: u16,
    rate: u32,
    /// The number of bytes of one sample of each channel.
    frame_size: u16,
    bits: u16,
    /// Which bits count, and which speakers the channels are for.
    extension: Option<(u16, u32)>,
}

impl Samples {
    /// Parses the contents of a `fmt ` chunk.
    ///
    /// # Errors
    ///
    /// When it is too short, or a sample of a channel has no whole number of bytes.
    pub(super) fn parse(chunk: Vec<u8>, head: Head) -> Result<Samples, FormatError> {
        let size = chunk.len();
        let fields = Fields {
            chunk,
            endian: head.endian,
        };
        let read = || {
            Some(Samples {
                tag: fields.u16(0)?.into(),
                channels: fields.u16(2)?,
                rate: fields.u32(4)?,
                frame_size: fields.u16(12)?,
                bits: fields.u16(14)?,
                extension: None,
            })
        };
        let mut samples = read().ok_or_else(|| {
            FormatError::invalid(format!(
                "a 'fmt ' chunk of {size} bytes: expected 16 or more"
            ))
        })?;
        if samples.tag == EXTENSIBLE {
            samples.extension = fields.u16(18).zip(fields.u32(20));
            let read = || {
                let is_known = fields.guid().is_some_and(|guid| GUIDS.contains(&guid));
                is_known.then(|| fields.u32(24))?
            };
            samples.tag = read().ok_or_else(|| {
                FormatError::unsupported("its 'fmt ' chunk names an unknown codec", DECODE)
            })?;
        }
        let Samples {
            channels,
            frame_size,
            ..
        } = samples;
        match frame_size.checked_rem(channels) {
            Some(0) if frame_size > 0 => Ok(samples),
            _ => Err(FormatError::invalid(format!(
                "{frame_size} bytes for {channels} channels: expected as many for each"
            ))),
        }
    }

    /// The number of bytes of one sample of each channel.
    pub(super) fn frame_size(&self) -> u64 {
        self.frame_size.into()
    }

    /// The number of bytes of a sample of one channel.
    fn container(&self) -> u64 {
        u64::from(self.frame_size / self.channels.max(1))
    }

    /// The dtype, and how many items of it make up a sample. More than one are bytes of a
    /// number that NumPy has no type for.
    ///
    /// # Errors
    ///
    /// When samples are compressed, or have an unknown size.
    pub(super) fn dtype(&self, endian: Endian) -> Result<(DType, u64), FormatError> {
        let Samples { tag, bits, .. } = *self;
        let container = self.container();
        let (text, count) = match (tag, container) {
            (PCM, 1) => ("u1".into(), 1),
            (PCM, 2 | 4 | 8) => (format!("{}i{container}", endian.prefix()), 1),
            (PCM, 3 | 5 | 6 | 7) => ("u1".into(), container),
            (FLOAT, 4 | 8) => (format!("{}f{container}", endian.prefix()), 1),
            (PCM | FLOAT, _) => {
                return Err(FormatError::invalid(format!(
                    "samples of {bits} bits in {container} bytes: expected at most 8 bytes"
                )));
            }
            _ => {
                let codec = CODECS.iter().find(|(codec, _)| *codec == tag);
                let codec = codec.map_or("an unknown codec", |(_, name)| name);
                return Err(FormatError::unsupported(
                    format!("its samples are compressed: {codec} ({tag:#06x})"),
                    DECODE,
                ));
            }
        };
        if u64::from(bits) > 8 * container || tag == FLOAT && u64::from(bits) != 8 * container {
            return Err(FormatError::invalid(format!(
                "samples of {bits} bits in {container} bytes"
            )));
        }
        let dtype = DType::parse(&text);
        let dtype = dtype.map_err(|error| FormatError::invalid(error.to_string()))?;
        Ok((dtype, count))
    }

    /// What the chunk says of the samples.
    pub(super) fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::new();
        let mut insert = |name: &str, value| attributes.insert(name.into(), value);
        insert("sample_rate", json!(self.rate));
        insert("channels", json!(self.channels));
        insert("bits_per_sample", json!(self.bits));
        insert("format_tag", json!(self.tag));
        if let Some((valid_bits, channel_mask)) = self.extension {
            insert("valid_bits_per_sample", json!(valid_bits));
            insert("channel_mask", json!(channel_mask));
        }
        attributes
    }
}

const DECODE: &str = "decode it first, for example with ffmpeg -c:a pcm_s16le";

/// The fields of the chunk.
struct Fields {
    chunk: Vec<u8>,
    endian: Endian,
}

impl Fields {
    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.chunk.get(at..)?.first_chunk()?;
        Some(match self.endian {
            Endian::Little => u16::from_le_bytes(bytes),
            Endian::Big => u16::from_be_bytes(bytes),
        })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.chunk.get(at..)?.first_chunk()?;
        Some(match self.endian {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        })
    }

    /// What follows the tag in the GUID, as in little-endian files.
    fn guid(&self) -> Option<[u8; 12]> {
        let mut guid: [u8; 12] = *self.chunk.get(28..)?.first_chunk()?;
        if self.endian == Endian::Big {
            // Its first three numbers have the byte order of the file.
            guid.swap(0, 1);
            guid.swap(2, 3);
        }
        Some(guid)
    }
}
