//! Taking apart what lies side by side, and putting it together: lines that hold
//! an item of each of some columns, and those columns, one after the other. It
//! knows only memory of our own; where the lines lie is the caller's business.

/// Copies the items of `item` bytes of each of `lines` to `columns`, from byte
/// `row` of each column on. The lines are as long as there are columns, and each
/// column is the same share of `columns`.
pub(super) fn deinterleave(
    lines: &[u8],
    item: usize,
    row: usize,
    columns: &mut [u8],
    count: usize,
) {
    match item {
        1 => of_size::<1>(lines, row, columns, count),
        2 => of_size::<2>(lines, row, columns, count),
        4 => of_size::<4>(lines, row, columns, count),
        8 => of_size::<8>(lines, row, columns, count),
        16 => of_size::<16>(lines, row, columns, count),
        3 => of_size::<3>(lines, row, columns, count),
        6 => of_size::<6>(lines, row, columns, count),
        12 => of_size::<12>(lines, row, columns, count),
        _ => of_any_size(lines, item, row, columns, count),
    }
}

fn of_size<const ITEM: usize>(lines: &[u8], row: usize, columns: &mut [u8], count: usize) {
    let line = ITEM * count;
    let bytes = lines.len() / line * ITEM;
    let each = columns.len() / count;
    for (k, column) in columns.chunks_exact_mut(each).enumerate() {
        let items = column[row..row + bytes].as_chunks_mut::<ITEM>().0;
        for (item, line) in items.iter_mut().zip(lines.chunks_exact(line)) {
            item.copy_from_slice(&line[k * ITEM..][..ITEM]);
        }
    }
}

fn of_any_size(lines: &[u8], item: usize, row: usize, columns: &mut [u8], count: usize) {
    let line = item * count;
    let bytes = lines.len() / line * item;
    let each = columns.len() / count;
    for (k, column) in columns.chunks_exact_mut(each).enumerate() {
        let items = column[row..row + bytes].chunks_exact_mut(item);
        for (place, line) in items.zip(lines.chunks_exact(line)) {
            place.copy_from_slice(&line[k * item..][..item]);
        }
    }
}

/// The reverse of [`deinterleave`]: fills the `lines` with the items of `columns` from
/// byte `row` of each column on.
pub(super) fn interleave(columns: &[u8], item: usize, row: usize, lines: &mut [u8], count: usize) {
    match item {
        1 => interleave_of_size::<1>(columns, row, lines, count),
        2 => interleave_of_size::<2>(columns, row, lines, count),
        4 => interleave_of_size::<4>(columns, row, lines, count),
        8 => interleave_of_size::<8>(columns, row, lines, count),
        16 => interleave_of_size::<16>(columns, row, lines, count),
        3 => interleave_of_size::<3>(columns, row, lines, count),
        6 => interleave_of_size::<6>(columns, row, lines, count),
        12 => interleave_of_size::<12>(columns, row, lines, count),
        _ => interleave_of_any_size(columns, item, row, lines, count),
    }
}

fn interleave_of_size<const ITEM: usize>(
    columns: &[u8],
    row: usize,
    lines: &mut [u8],
    count: usize,
) {
    let line = ITEM * count;
    let bytes = lines.len() / line * ITEM;
    let each = columns.len() / count;
    for (k, column) in columns.chunks_exact(each).enumerate() {
        let items = column[row..row + bytes].as_chunks::<ITEM>().0;
        for (item, line) in items.iter().zip(lines.chunks_exact_mut(line)) {
            line[k * ITEM..][..ITEM].copy_from_slice(item);
        }
    }
}

fn interleave_of_any_size(columns: &[u8], item: usize, row: usize, lines: &mut [u8], count: usize) {
    let line = item * count;
    let bytes = lines.len() / line * item;
    let each = columns.len() / count;
    for (k, column) in columns.chunks_exact(each).enumerate() {
        let items = column[row..row + bytes].chunks_exact(item);
        for (bytes, line) in items.zip(lines.chunks_exact_mut(line)) {
            line[k * item..][..item].copy_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_has_its_item_of_every_line() {
        for item in [1, 2, 3, 4, 5, 6, 8, 12, 16, 24] {
            for count in 1..6 {
                let rows = 7;
                let value =
                    |column: usize, row: usize, byte: usize| (column * 100 + row * 16 + byte) as u8;
                let lines: Vec<u8> = (0..rows * count * item)
                    .map(|k| value(k / item % count, k / item / count, k % item))
                    .collect();
                let mut columns = vec![0; lines.len()];
                let (first, second) = lines.split_at(3 * count * item);
                deinterleave(first, item, 0, &mut columns, count);
                deinterleave(second, item, 3 * item, &mut columns, count);
                let expected: Vec<u8> = (0..count * rows * item)
                    .map(|k| value(k / item / rows, k / item % rows, k % item))
                    .collect();
                assert_eq!(columns, expected, "{count} columns of {item} bytes");
                let mut joined = vec![0; lines.len()];
                let (first, second) = joined.split_at_mut(3 * count * item);
                interleave(&columns, item, 0, first, count);
                interleave(&columns, item, 3 * item, second, count);
                assert_eq!(joined, lines, "{count} columns of {item} bytes");
            }
        }
    }
}
