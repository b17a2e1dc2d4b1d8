//! Pages of history for clients that know times and no positions: ascending, and ending before a moment.

use chat_core::store::Window;
use chat_core::{ActingAs, ChatError, ConversationId, Limit, Message, Seq, Timestamp};
use serde::Deserialize;

use crate::answer::Refused;
use crate::dates;

/// Where a page ends, and how long it is.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Paging {
    /// Only messages before this time (RFC 3339), or before the message at this position. Several may be of one
    /// millisecond, so whoever pages to the beginning does it by position.
    pub before: Option<String>,
    /// How many at most.
    pub limit: Option<String>,
}

/// Where a page ends.
enum End {
    Time(Timestamp),
    Position(Seq),
}

impl Paging {
    /// How many messages a page has at most.
    ///
    /// # Errors
    /// 400 when it is no number from 1 to 200.
    pub fn limit(&self) -> Result<Limit, Refused> {
        limit(self.limit.as_deref(), Limit::default())
    }

    fn end(&self) -> Result<End, Refused> {
        let Some(before) = &self.before else { return Ok(End::Position(Seq::MAX)) };
        if let Ok(seq) = before.parse() {
            return Ok(End::Position(Seq::new(seq)));
        }
        let at = dates::read(before).map(End::Time);
        at.ok_or_else(|| Refused::bad("before: must be a time or the seq of a message"))
    }

    /// The page, without what was deleted.
    ///
    /// # Errors
    /// 400 for a page that cannot be; as [`ActingAs::history`].
    pub async fn read(&self, actor: &ActingAs, of: ConversationId) -> Result<Vec<Message>, Refused> {
        let (limit, end) = (self.limit()?, self.end()?);
        let before = match end {
            End::Position(seq) => seq,
            End::Time(at) => first_at(actor, of, at).await?,
        };
        let mut before = before;
        loop {
            let page = actor.history(of, Some(Window::Before(before)), limit).await?;
            let first = page.items.first().map(|message| message.seq);
            let mut items = page.items;
            items.retain(|message| message.deleted_at.is_none());
            match first {
                // A page of nothing but deleted messages is not the beginning.
                Some(first) if items.is_empty() && page.has_before => before = first,
                _ => return Ok(items),
            }
        }
    }
}

/// How many items a page has at most, by what was asked for.
///
/// # Errors
/// 400 when it is no number from 1 to 200.
pub fn limit(asked: Option<&str>, usual: Limit) -> Result<Limit, Refused> {
    let Some(asked) = asked else { return Ok(usual) };
    let limit = asked.parse().ok().and_then(Limit::new);
    limit.ok_or_else(|| Refused::bad("limit: must be a number from 1 to 200"))
}

/// The position of the first message at or after a time. Times do not fall within a conversation, so halving finds it.
async fn first_at(actor: &ActingAs, of: ConversationId, at: Timestamp) -> Result<Seq, ChatError> {
    let one = Limit::new(1).expect("one is a limit");
    let last = actor.history(of, None, one).await?.items;
    let (mut low, mut high) = (1, last.first().map_or(1, |message| message.seq.get() + 1));
    while low < high {
        let middle = low + (high - low) / 2;
        let window = Window::After(Seq::new(middle).previous());
        match actor.history(of, Some(window), one).await?.items.first() {
            Some(message) if message.created_at < at => low = message.seq.get() + 1,
            _ => high = middle,
        }
    }
    Ok(Seq::new(low))
}
