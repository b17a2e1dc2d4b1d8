//! How much of a page goes into one frame.

use std::ops::Range;

use super::buffer::size;
use super::show::Show;

/// A page ends before this many bytes, which leaves room in a frame of 256 KiB.
pub(crate) const PAGE_BYTES_MAX: usize = 192 * 1024;

/// How much of a page is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fit {
    /// All of it.
    Whole,
    /// What fits into this many bytes, one item at least.
    Within(usize),
}

impl Fit {
    /// Which items are shown, those around `centre` first.
    pub(super) fn around<T: Show>(self, items: &[T], centre: usize) -> Range<usize> {
        let Self::Within(bytes_max) = self else { return 0..items.len() };
        let mut kept = centre..centre;
        let mut bytes = 0;
        loop {
            let before = kept.start.checked_sub(1);
            let after = (kept.end < items.len()).then_some(kept.end);
            let next = match (before, after) {
                (Some(before), Some(_)) if centre - kept.start < kept.end - centre => before,
                (_, Some(after)) => after,
                (Some(before), None) => before,
                (None, None) => return kept,
            };
            bytes += size(&items[next]) + 1;
            if bytes > bytes_max && !kept.is_empty() {
                return kept;
            }
            kept = kept.start.min(next)..kept.end.max(next + 1);
        }
    }
}
