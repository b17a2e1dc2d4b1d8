//! Which messages are deleted, so that counting the unread ones costs the same however many there are.
//!
//! Messages are numbered, and each 1024 numbers have a document as soon as one of them is deleted: which ones, and
//! how many. A number is added with the count in one change that does nothing when it is there already, so that a
//! flush done twice counts once.

use chat_core::id::{ConversationId, Seq};
use mongodb::bson::{RawBsonRef, RawDocument, doc};

use crate::database::{Absent, Query, Statement, Table};
use crate::document::{Doing, Fields, Read, TailEntry, seq};
use crate::error::{Done, Unreadable};
use crate::key::Keys;
use crate::store::MongoStore;

/// Messages of one document.
const BUCKET: u64 = 1024;

/// The bucket of a message's number, and its place there. Numbers begin at 1.
pub(crate) fn place(n: u64) -> (u64, i64) {
    let index = n - 1;
    (index / BUCKET, i64::try_from(index % BUCKET).expect("below 1024"))
}

/// The changes that note which messages a tail deletes.
pub(crate) fn changes(keys: Keys, of: ConversationId, tail: &[TailEntry]) -> Vec<Statement> {
    let buried = tail.iter().flat_map(|entry| {
        entry.does.iter().filter_map(move |doing| match doing {
            Doing::Bury { n, .. } => Some((*n, entry.seq)),
            Doing::Body { .. } | Doing::Mark { .. } | Doing::Unmark { .. } => None,
        })
    });
    notes(keys, of, buried)
}

/// The changes that note that messages of these numbers were deleted at these positions.
pub(crate) fn notes(
    keys: Keys,
    of: ConversationId,
    buried: impl Iterator<Item = (u64, Seq)>,
) -> Vec<Statement> {
    let note = |(n, at): (u64, Seq)| {
        let (bucket, place) = place(n);
        Statement {
            filter: doc! { "_id": keys.bucket(of, bucket), "dead": { "$ne": place } },
            update: doc! {
                "$push": { "dead": place },
                "$inc": { "count": 1_i64 },
                "$max": { "last": seq(at) },
            },
            absent: Absent::Make,
        }
    };
    buried.map(note).collect()
}

/// A stretch of one conversation's messages: those after the `after`th, up to the `last`th.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) of: ConversationId,
    pub(crate) after: u64,
    pub(crate) last: u64,
    /// What is deleted after this position is not deleted yet.
    pub(crate) head: Seq,
}

impl Stretch {
    fn buckets(&self) -> impl Iterator<Item = u64> {
        let ends = (self.after < self.last).then(|| place(self.after + 1).0..=place(self.last).0);
        ends.into_iter().flatten()
    }

    /// How many messages of it are deleted, out of those of one bucket.
    fn count(&self, bucket: u64, document: &RawDocument) -> Read<u64> {
        let fields = Fields(document);
        let (first, last) = (bucket * BUCKET + 1, (bucket + 1) * BUCKET);
        if self.after < first && last <= self.last {
            return fields.count("count");
        }
        let dead = fields.required("dead", RawBsonRef::as_array)?;
        let mut count = 0;
        for place in dead {
            let place = place.ok().and_then(RawBsonRef::as_i64).ok_or(Unreadable("dead"))?;
            let n = first + place.unsigned_abs();
            count += u64::from(self.after < n && n <= self.last);
        }
        Ok(count)
    }
}

impl MongoStore {
    /// How many messages of each stretch are not deleted; nothing where some were deleted after its head: then it has to
    /// be read again.
    pub(crate) async fn alive(&self, stretches: &[Stretch]) -> Done<Vec<Option<u64>>> {
        let keys: Vec<_> = stretches
            .iter()
            .flat_map(|stretch| stretch.buckets().map(|bucket| self.keys().bucket(stretch.of, bucket)))
            .collect();
        let found = self.by_key(Table::Dead, keys, Query::keys).await?;
        let alive = |stretch: &Stretch| {
            let mut alive = stretch.last.saturating_sub(stretch.after);
            for bucket in stretch.buckets() {
                if let Some(document) = found.get(&self.keys().bucket(stretch.of, bucket).bytes) {
                    if Fields(document).seq("last")? > stretch.head {
                        return Ok(None);
                    }
                    alive = alive.saturating_sub(stretch.count(bucket, document)?);
                }
            }
            Ok(Some(alive))
        };
        stretches.iter().map(alive).collect()
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::RawDocumentBuf;

    use super::*;

    #[test]
    fn numbers_have_their_places() {
        assert_eq!(place(1), (0, 0));
        assert_eq!(place(1024), (0, 1023));
        assert_eq!(place(1025), (1, 0));
    }

    #[test]
    fn only_those_of_the_stretch_count() {
        let of = ConversationId::from_bytes([1; 16]);
        let document = doc! { "dead": [0_i64, 5_i64, 1023_i64], "count": 3_i64 };
        let document = RawDocumentBuf::try_from(&document).unwrap();
        for (after, last, expected) in [(0, 1024, 3), (1, 1024, 2), (0, 1023, 2), (6, 1023, 0), (5, 6, 1)] {
            let stretch = Stretch { of, after, last, head: Seq::new(9) };
            assert_eq!(stretch.count(0, &document).unwrap(), expected, "after {after} up to {last}");
        }
        assert_eq!(Stretch { of, after: 7, last: 7, head: Seq::new(9) }.buckets().count(), 0);
    }
}
