//! What statements are given: one value for each `?`, or many rows of values for each `{…}`.

/// A value of one of the four types that columns have, or a table of such values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'v> {
    /// A number of 64 bits.
    Int(Option<i64>),
    /// An id of 16 bytes.
    Id(Option<[u8; 16]>),
    /// Text.
    Text(Option<&'v str>),
    /// Opaque bytes.
    Bytes(Option<&'v [u8]>),
    /// Rows, where a statement says `{…}`.
    Rows(&'v Rows<'v>),
}

/// Makes the values of a statement, in the order of its `?`.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::server::value::Value::from($value)),*] };
}
pub(super) use values;

/// Rows of equal shape: all values of a column are of one type, absent ones too.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows<'v> {
    width: usize,
    values: Vec<Value<'v>>,
}

impl<'v> Rows<'v> {
    /// Adds a row.
    pub(super) fn push<const N: usize>(&mut self, row: [Value<'v>; N]) {
        debug_assert!(self.width == 0 || self.width == N, "all rows have the same columns");
        self.width = N;
        self.values.extend(row);
    }

    /// Whether there is none: a statement of no rows has nothing to do.
    pub(super) const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many columns there are.
    #[cfg(feature = "postgres")]
    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// Row by row.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[Value<'v>]> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// One column from top to bottom.
    #[cfg(feature = "postgres")]
    pub(super) fn column(&self, nth: usize) -> impl Iterator<Item = &Value<'v>> {
        self.values.iter().skip(nth).step_by(self.width.max(1))
    }
}

impl<'v, const N: usize> FromIterator<[Value<'v>; N]> for Rows<'v> {
    fn from_iter<I: IntoIterator<Item = [Value<'v>; N]>>(rows: I) -> Self {
        let mut all = Self::default();
        rows.into_iter().for_each(|row| all.push(row));
        all
    }
}

/// Rows of one id each.
pub(super) fn ids<'i>(ids: impl IntoIterator<Item = &'i [u8; 16]>) -> Rows<'static> {
    ids.into_iter().map(|id| [Value::Id(Some(*id))]).collect()
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<&[u8; 16]> for Value<'_> {
    fn from(id: &[u8; 16]) -> Self {
        Self::Id(Some(*id))
    }
}

impl From<Option<[u8; 16]>> for Value<'_> {
    fn from(id: Option<[u8; 16]>) -> Self {
        Self::Id(id)
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'v> From<&'v String> for Value<'v> {
    fn from(text: &'v String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'v> From<&'v Option<String>> for Value<'v> {
    fn from(text: &'v Option<String>) -> Self {
        Self::Text(text.as_deref())
    }
}

impl<'v> From<Option<&'v str>> for Value<'v> {
    fn from(text: Option<&'v str>) -> Self {
        Self::Text(text)
    }
}

impl<'v> From<&'v [u8]> for Value<'v> {
    fn from(bytes: &'v [u8]) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl<'v> From<Option<&'v [u8]>> for Value<'v> {
    fn from(bytes: Option<&'v [u8]>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'v> From<&'v Rows<'v>> for Value<'v> {
    fn from(rows: &'v Rows<'v>) -> Self {
        Self::Rows(rows)
    }
}
