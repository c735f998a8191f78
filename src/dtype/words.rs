//! The words of an item: its numbers and characters, each of which has a byte order. Changing
//! the byte order of a dtype is here; changing that of elements is left to `vfile`.

use std::sync::Arc;

use super::{ByteOrder, DType, Field, Kind};

/// The most runs of words in a sub-array, whose description can be short.
const MAX_RUNS: usize = 512;

/// Consecutive words of one size in an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// Offset of the first word in the item, in bytes.
    pub offset: u64,
    /// The size of a word in bytes: 1, 2, 4, 8 or 16.
    pub size: u64,
    /// The number of words.
    pub count: u64,
}

impl Words {
    /// The offset in the item behind the last word, in bytes.
    pub fn end(&self) -> u64 {
        self.offset + self.size * self.count
    }
}

impl DType {
    /// The dtype with every word in the byte order of this machine.
    pub fn in_native_order(&self) -> DType {
        self.in_native_order_with(|field| field.dtype.in_native_order())
    }

    /// The dtype in the byte order of this machine. Its fields have the dtypes that `dtype_of`
    /// gives, which are as large.
    pub fn in_native_order_with(&self, dtype_of: impl Fn(&Field) -> DType) -> DType {
        let kind = match &self.kind {
            Kind::Structured(fields) => {
                let native = |field: &Field| Field {
                    dtype: dtype_of(field),
                    ..field.clone()
                };
                Kind::Structured(Arc::from_iter(fields.iter().map(native)))
            }
            kind => kind.clone(),
        };
        DType::new(kind, self.itemsize, ByteOrder::NATIVE)
    }

    /// The words of an item, or of its fields, that are signed in one of this dtype and `other`,
    /// and unsigned in the other. Both have the same sizes and fields.
    pub fn words_of_other_sign(&self, other: &DType) -> Vec<Words> {
        let words = |offset, size, count| Words {
            offset,
            size,
            count,
        };
        if self.has_other_sign(other) {
            return vec![words(0, self.itemsize(), 1)];
        }
        let fields = self.fields().iter().zip(other.fields());
        let fields = fields.filter(|(field, other)| field.dtype.has_other_sign(&other.dtype));
        let mut all: Vec<Words> = fields
            .map(|(field, _)| {
                let size = field.dtype.itemsize();
                words(field.offset(), size, field.size() / size)
            })
            .filter(|words| words.count > 0)
            .collect();
        all.sort_by_key(|words| words.offset);
        all
    }

    /// Whether one of the two is a signed integer, and the other an unsigned one.
    pub fn has_other_sign(&self, other: &DType) -> bool {
        matches!(
            (&self.kind, &other.kind),
            (Kind::Int, Kind::UInt) | (Kind::UInt, Kind::Int)
        )
    }

    /// The words of an item that are not in the byte order of this machine, in the order of
    /// their offsets. `None` if fields overlap, so that a word could be part of another, or if
    /// a sub-array has too many runs of them.
    pub fn foreign_words(&self) -> Option<Vec<Words>> {
        if has_overlaps(self) {
            return None;
        }
        let mut words = Vec::new();
        self.add_foreign_words(0, &mut words)?;
        words.sort_by_key(|words| words.offset);
        words.dedup_by(|next, last| {
            let is_one_run = last.end() == next.offset && last.size == next.size;
            last.count += if is_one_run { next.count } else { 0 };
            is_one_run
        });
        Some(words)
    }

    /// Adds the words of an item at `offset`. `None` if a sub-array has too many runs.
    fn add_foreign_words(&self, offset: u64, all: &mut Vec<Words>) -> Option<()> {
        let is_foreign =
            self.byte_order != ByteOrder::NATIVE && self.byte_order != ByteOrder::NotApplicable;
        let size = match &self.kind {
            Kind::Structured(fields) => {
                let mut fields = fields.iter();
                return fields.try_for_each(|field| field.add_foreign_words(offset, all));
            }
            Kind::Complex => self.itemsize() / 2,
            Kind::Str => 4,
            _ => self.itemsize(),
        };
        if is_foreign {
            all.push(Words {
                offset,
                size,
                count: self.itemsize() / size,
            });
        }
        Some(())
    }
}

impl Field {
    fn add_foreign_words(&self, offset: u64, all: &mut Vec<Words>) -> Option<()> {
        let itemsize = self.dtype.itemsize();
        let count = self.size() / itemsize;
        if count == 0 {
            return Some(());
        }
        let first = all.len();
        self.dtype.add_foreign_words(offset + self.offset(), all)?;
        // Items of one kind of words without gaps are one run.
        if let [only] = &mut all[first..]
            && only.size * only.count == itemsize
        {
            only.count *= count;
            return Some(());
        }
        let item: Vec<Words> = all[first..].to_vec();
        if item.is_empty() || count == 1 {
            return Some(());
        }
        let runs = count.checked_mul(item.len() as u64)?;
        if runs > MAX_RUNS as u64 {
            return None;
        }
        for k in 1..count {
            let next = item.iter().map(|words| Words {
                offset: words.offset + k * itemsize,
                ..*words
            });
            all.extend(next);
        }
        Some(())
    }
}

/// Whether fields of the dtype, or of a field, overlap.
fn has_overlaps(dtype: &DType) -> bool {
    let fields = dtype.fields().iter();
    let mut fields: Vec<&Field> = fields.filter(|field| field.size() > 0).collect();
    fields.sort_by_key(|field| field.offset());
    let overlap = |pair: &[&Field]| pair[0].offset() + pair[0].size() > pair[1].offset();
    fields.windows(2).any(overlap) || fields.iter().any(|field| has_overlaps(&field.dtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_the_other_byte_order_are_found_in_any_dtype() {
        let swapped = if cfg!(target_endian = "big") {
            '<'
        } else {
            '>'
        };
        let native = if cfg!(target_endian = "big") {
            '>'
        } else {
            '<'
        };
        for (text, expected) in [
            ("Xi4", &[(0, 4, 1)][..]),
            ("Xc16", &[(0, 8, 2)]),
            ("XU3", &[(0, 4, 3)]),
            ("XM8[s]", &[(0, 8, 1)]),
            ("Ni4", &[]),
            ("S5", &[]),
            ("u1", &[]),
            (
                "[('a','Xi2'),('b','Nf8'),('c','Xc8',(2,3))]",
                &[(0, 2, 1), (10, 4, 12)],
            ),
            (
                "[('p',[('x','u1'),('y','Xi2')],(2,))]",
                &[(1, 2, 1), (4, 2, 1)],
            ),
            (
                "[('a','Xi2'),('b','XU2'),('c','Xf4')]",
                &[(0, 2, 1), (2, 4, 3)],
            ),
            ("[('p',[('x','Xi2'),('y','Xi2')],(9,))]", &[(0, 2, 18)]),
            ("[('a','Xi4'),('b','Xi4',(0,))]", &[(0, 4, 1)]),
            (
                "{'names':['a','b','c'],'formats':['Xi4',('Xi2',(3,0)),([('x','Xi2')],(0,))],\
                  'offsets':[0,2,1],'itemsize':6}",
                &[(0, 4, 1)],
            ),
        ] {
            let text = text
                .replace('X', &swapped.to_string())
                .replace('N', &native.to_string());
            let dtype = DType::parse(&text).unwrap();
            let words = dtype.foreign_words().unwrap();
            let found: Vec<_> = words.iter().map(|w| (w.offset, w.size, w.count)).collect();
            assert_eq!(found, expected, "{text}");
            let native = dtype.in_native_order();
            assert_eq!(native.foreign_words().unwrap(), []);
            assert_eq!(native.itemsize(), dtype.itemsize());
        }
        let overlapping = "{'names':['a','b'],'formats':['>i4','>i2'],'offsets':[0,2]}";
        assert_eq!(DType::parse(overlapping).unwrap().foreign_words(), None);
        let many = format!("[('p',[('x','u1'),('y','{swapped}i2')],(100000000,))]");
        assert_eq!(DType::parse(&many).unwrap().foreign_words(), None);
    }
}
