//! WAV sounds: chunks, of which `fmt ` describes the samples and `data` holds them. RF64 and BW64
//! keep large sizes in a chunk of their own, and RIFX is big-endian
//! (<https://learn.microsoft.com/en-us/windows/win32/xaudio2/resource-interchange-file-format--riff->,
//! <https://tech.ebu.ch/docs/tech/tech3306v1_1.pdf>). Compressed samples are refused.

mod samples;

use std::sync::Arc;

use super::format::Reader;
use super::signature::Sample;
use super::{Contents, Details, Endian, Format, FormatError, Input, Member};
use crate::array::{Order, Shape, View};
use samples::Samples;

/// The WAV format.
pub(super) const FORMAT: Format = Format {
    name: "wav",
    title: "WAV, RF64",
    suffixes: &[".wav"],
    matches,
    reader: Reader::SelfDescribing(read),
};

/// The most chunks before the samples.
const MAX_CHUNKS: usize = 10_000;

/// The size of a chunk whose size is in another chunk, or was not known to the writer.
const UNKNOWN: u32 = u32::MAX;

/// The first 12 bytes of a file.
#[derive(Debug, Clone, Copy)]
struct Head {
    endian: Endian,
    /// Whether sizes can be in a `ds64` chunk.
    is_long: bool,
}

fn head(bytes: &[u8]) -> Option<Head> {
    let (endian, is_long) = match bytes.get(..4)? {
        b"RIFF" => (Endian::Little, false),
        b"RIFX" => (Endian::Big, false),
        b"RF64" | b"BW64" => (Endian::Little, true),
        _ => return None,
    };
    (bytes.get(8..12)? == b"WAVE").then_some(Head { endian, is_long })
}

fn matches(sample: &Sample) -> bool {
    head(&sample.first).is_some()
}

/// The samples of the file.
///
/// # Errors
///
/// When a chunk is missing or not valid, or the samples are compressed.
fn read(input: &Input) -> Result<Contents, FormatError> {
    let bytes = input.bytes(0, 12)?;
    let head = head(&bytes).ok_or_else(|| {
        FormatError::invalid("it does not begin with RIFF, RIFX or RF64, a size and WAVE")
    })?;
    let (samples, start, size) = find_samples(input, head)?;
    let frames = size / samples.frame_size();
    let mut lengths = vec![frames];
    let mut dims = vec![Some("frame".to_owned())];
    if samples.channels > 1 {
        lengths.push(samples.channels.into());
        dims.push(Some("channel".into()));
    }
    let (dtype, bytes_per_sample) = samples.dtype(head.endian)?;
    if bytes_per_sample > 1 {
        lengths.push(bytes_per_sample);
        dims.push(Some("byte".into()));
    }
    let view = View::contiguous(dtype, start, Shape::new(lengths), Order::C)
        .map_err(|error| FormatError::invalid(error.to_string()))?;
    let mut member = Member::new("", view, Order::C);
    member.dims = dims;
    member.details = Arc::new(Details {
        attributes: samples.attributes(),
        ..Details::default()
    });
    Ok(Contents::array(member))
}

/// How samples are stored, and the position and size in bytes of all of them.
///
/// # Errors
///
/// When the file has no samples, or what is before them is not valid.
fn find_samples(input: &Input, head: Head) -> Result<(Samples, u64, u64), FormatError> {
    let mut long_size = None;
    let mut samples = None;
    let mut cursor = input.cursor(12, head.endian);
    for _ in 0..MAX_CHUNKS {
        let name: [u8; 4] = cursor.array()?;
        let short_size = cursor.u32()?;
        let start = cursor.position();
        match &name {
            b"ds64" if head.is_long => {
                cursor.skip(8)?;
                long_size = Some(cursor.u64()?);
            }
            b"fmt " => samples = Some(Samples::parse(cursor.bytes(short_size.into())?, head)?),
            b"data" => {
                let samples = samples.ok_or_else(|| {
                    FormatError::invalid("no 'fmt ' chunk comes before the 'data' chunk")
                })?;
                let size = match long_size {
                    Some(size) if short_size == UNKNOWN => size,
                    _ => size_of_data(input, head, start, short_size)?,
                };
                return Ok((samples, start, size));
            }
            _ => {}
        }
        // A chunk of odd size is followed by a byte that does not count.
        let size = u64::from(short_size);
        cursor.seek(start);
        cursor.skip(size + size % 2)?;
    }
    Err(FormatError::invalid(format!(
        "no 'data' chunk is among the first {MAX_CHUNKS}"
    )))
}

/// The size in bytes of the samples from byte `start` on. A writer that could not go back has
/// left `size` unknown or zero: the samples then reach to the end of the file.
fn size_of_data(input: &Input, head: Head, start: u64, size: u32) -> Result<u64, FormatError> {
    let rest = input.size().saturating_sub(start);
    let whole = u64::from(input.cursor(4, head.endian).u32()?) + 8;
    // A sound without samples may be followed by chunks, and the size of the file is then right.
    let was_left = size == 0 && whole < input.size();
    Ok(match size == UNKNOWN || was_left {
        true => rest,
        false => size.into(),
    })
}
