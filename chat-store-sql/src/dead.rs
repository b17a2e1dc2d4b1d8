//! Which messages are deleted, so that counting the unread ones costs the same however many there are.
//!
//! Messages are numbered, and each 1024 numbers have a row as soon as one of them is deleted: how many are, and a
//! map with a bit for each. What is dead after a number is the sum of the later rows and the bits of its own.

use std::collections::BTreeMap;

/// Messages of one row.
const BUCKET: u64 = 1024;

/// Bytes of a map.
pub(crate) const MAP_BYTES: usize = 128;

/// Which messages of one row are deleted.
pub(crate) type Map = [u8; MAP_BYTES];

/// Every row of one conversation: its number, its count and its map.
pub(crate) type Rows = BTreeMap<u64, (u64, Map)>;

/// The row of a message's number, and its bit there. Numbers begin at 1.
pub(crate) fn place(n: u64) -> (u64, usize) {
    let index = n - 1;
    (index / BUCKET, usize::try_from(index % BUCKET).expect("below 1024"))
}

/// Marks a bit.
pub(crate) const fn set(map: &mut Map, bit: usize) {
    map[bit / 8] |= 1 << (bit % 8);
}

/// Unmarks a bit.
pub(crate) const fn clear(map: &mut Map, bit: usize) {
    map[bit / 8] &= !(1 << (bit % 8));
}

/// How many bits are set from this one on.
pub(crate) fn bits_from(map: &Map, bit: usize) -> u64 {
    let first = u64::from((map[bit / 8] >> (bit % 8)).count_ones());
    first + map[bit / 8 + 1..].iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// Adds the `n`th message to the rows there should be.
pub(crate) fn count(rows: &mut Rows, n: u64) {
    let (bucket, bit) = place(n);
    let (dead, map) = rows.entry(bucket).or_insert((0, [0; MAP_BYTES]));
    *dead += 1;
    set(map, bit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_places() {
        assert_eq!(place(1), (0, 0));
        assert_eq!(place(1024), (0, 1023));
        assert_eq!(place(1025), (1, 0));
    }

    #[test]
    fn bits_are_counted_from_any_one_on() {
        let mut map = [0; MAP_BYTES];
        for bit in [0, 7, 8, 500, 1023] {
            set(&mut map, bit);
        }
        let expected = |from| [0, 7, 8, 500, 1023].iter().filter(|&&bit| bit >= from).count() as u64;
        for from in 0..1024 {
            assert_eq!(bits_from(&map, from), expected(from), "{from}");
        }
    }
}
