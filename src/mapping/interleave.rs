//! Converts between interleaved rows, which hold one item of each of several columns, and
//! contiguous columns. It works on private buffers only; copying rows from and to the mapping
//! is left to the callers.

/// Copies the items of interleaved rows to their columns.
///
/// - `rows`: rows of `count` items of `item` bytes;
/// - `columns`: `count` columns of equal length, back to back;
/// - `start`: the byte of each column that receives the first row's item.
pub(super) fn deinterleave(
    rows: &[u8],
    item: usize,
    start: usize,
    columns: &mut [u8],
    count: usize,
) {
    match item {
        1 => deinterleave_of_size::<1>(rows, start, columns, count),
        2 => deinterleave_of_size::<2>(rows, start, columns, count),
        4 => deinterleave_of_size::<4>(rows, start, columns, count),
        8 => deinterleave_of_size::<8>(rows, start, columns, count),
        16 => deinterleave_of_size::<16>(rows, start, columns, count),
        3 => deinterleave_of_size::<3>(rows, start, columns, count),
        6 => deinterleave_of_size::<6>(rows, start, columns, count),
        12 => deinterleave_of_size::<12>(rows, start, columns, count),
        _ => deinterleave_of_any_size(rows, item, start, columns, count),
    }
}

fn deinterleave_of_size<const ITEM: usize>(
    rows: &[u8],
    start: usize,
    columns: &mut [u8],
    count: usize,
) {
    let row_bytes = ITEM * count;
    let bytes = rows.len() / row_bytes * ITEM;
    let each = columns.len() / count;
    for (k, column) in columns.chunks_exact_mut(each).enumerate() {
        let items = column[start..start + bytes].as_chunks_mut::<ITEM>().0;
        for (item, row_items) in items.iter_mut().zip(rows.chunks_exact(row_bytes)) {
            item.copy_from_slice(&row_items[k * ITEM..][..ITEM]);
        }
    }
}

fn deinterleave_of_any_size(
    rows: &[u8],
    item: usize,
    start: usize,
    columns: &mut [u8],
    count: usize,
) {
    let row_bytes = item * count;
    let bytes = rows.len() / row_bytes * item;
    let each = columns.len() / count;
    for (k, column) in columns.chunks_exact_mut(each).enumerate() {
        let items = column[start..start + bytes].chunks_exact_mut(item);
        for (place, row_items) in items.zip(rows.chunks_exact(row_bytes)) {
            place.copy_from_slice(&row_items[k * item..][..item]);
        }
    }
}

/// The inverse of [`deinterleave`]: fills `rows` with the items of `columns`, starting
/// at byte `start` of each column.
pub(super) fn interleave(columns: &[u8], item: usize, start: usize, rows: &mut [u8], count: usize) {
    match item {
        1 => interleave_of_size::<1>(columns, start, rows, count),
        2 => interleave_of_size::<2>(columns, start, rows, count),
        4 => interleave_of_size::<4>(columns, start, rows, count),
        8 => interleave_of_size::<8>(columns, start, rows, count),
        16 => interleave_of_size::<16>(columns, start, rows, count),
        3 => interleave_of_size::<3>(columns, start, rows, count),
        6 => interleave_of_size::<6>(columns, start, rows, count),
        12 => interleave_of_size::<12>(columns, start, rows, count),
        _ => interleave_of_any_size(columns, item, start, rows, count),
    }
}

fn interleave_of_size<const ITEM: usize>(
    columns: &[u8],
    start: usize,
    rows: &mut [u8],
    count: usize,
) {
    let row_bytes = ITEM * count;
    let bytes = rows.len() / row_bytes * ITEM;
    let each = columns.len() / count;
    for (k, column) in columns.chunks_exact(each).enumerate() {
        let items = column[start..start + bytes].as_chunks::<ITEM>().0;
        for (item, row_items) in items.iter().zip(rows.chunks_exact_mut(row_bytes)) {
            row_items[k * ITEM..][..ITEM].copy_from_slice(item);
        }
    }
}

fn interleave_of_any_size(
    columns: &[u8],
    item: usize,
    start: usize,
    rows: &mut [u8],
    count: usize,
) {
    let row_bytes = item * count;
    let bytes = rows.len() / row_bytes * item;
    let each = columns.len() / count;
    for (k, column) in columns.chunks_exact(each).enumerate() {
        let items = column[start..start + bytes].chunks_exact(item);
        for (bytes, row_items) in items.zip(rows.chunks_exact_mut(row_bytes)) {
            row_items[k * item..][..item].copy_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_has_its_item_of_every_row() {
        for item in [1, 2, 3, 4, 5, 6, 8, 12, 16, 24] {
            for count in 1..6 {
                let rows = 7;
                let value =
                    |column: usize, row: usize, byte: usize| (column * 100 + row * 16 + byte) as u8;
                let interleaved: Vec<u8> = (0..rows * count * item)
                    .map(|k| value(k / item % count, k / item / count, k % item))
                    .collect();
                let mut columns = vec![0; interleaved.len()];
                let (first, second) = interleaved.split_at(3 * count * item);
                deinterleave(first, item, 0, &mut columns, count);
                deinterleave(second, item, 3 * item, &mut columns, count);
                let expected: Vec<u8> = (0..count * rows * item)
                    .map(|k| value(k / item / rows, k / item % rows, k % item))
                    .collect();
                assert_eq!(columns, expected, "{count} columns of {item} bytes");
                let mut joined = vec![0; interleaved.len()];
                let (first, second) = joined.split_at_mut(3 * count * item);
                interleave(&columns, item, 0, first, count);
                interleave(&columns, item, 3 * item, second, count);
                assert_eq!(joined, interleaved, "{count} columns of {item} bytes");
            }
        }
    }
}
