//! Pages of lists: how many at most, and where the next one starts.

/// How many items a page may hold: 1 to 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    /// The largest page.
    pub const MAX: Self = Self(200);

    /// A limit of `items`.
    ///
    /// Returns `None` outside 1–200.
    pub fn new(items: u64) -> Option<Self> {
        match u16::try_from(items) {
            Ok(items @ 1..=200) => Some(Self(items)),
            _ => None,
        }
    }

    /// The number of items.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

/// One page of a list, and the key after which the next one starts (absent at the end).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page starts: after this key.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// A page of at most `limit` out of `limit + 1` fetched items; `key` names where an item stands.
    pub fn cut(mut items: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Self {
        let more = items.len() > limit.get();
        items.truncate(limit.get());
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }

    /// The same page with every item changed by `f`.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U, K> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}
