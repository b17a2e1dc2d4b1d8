//! When people had read up to where: kept beside the receipts, for doors that show it.

use super::{ActingAs, Core};
use crate::conversation::{Act, permits};
use crate::error::{ChatError, Refusal};
use crate::id::{ConversationId, Seq, UserId};
use crate::page::Limit;
use crate::store::{Raise, Raised, ReadMark, ReadsFrom, ReceiptLog, StoreError};

impl Core {
    /// The log of receipts, of a chat that keeps one.
    pub(super) fn receipt_log(&self) -> Option<&dyn ReceiptLog> {
        self.store.talk().receipt_log().filter(|_| self.keeps_reads)
    }

    /// Keeps when these reports said that something was read. Those that raised nothing are kept too: perhaps what they
    /// repeat was not.
    pub(super) async fn note_reads(
        &self,
        reports: &[Raise],
        raised: &[Option<Raised>],
    ) -> Result<(), StoreError> {
        let Some(log) = self.receipt_log() else { return Ok(()) };
        let at = self.clock.now();
        let mark = |(report, raised): (&Raise, &Option<Raised>)| {
            let up_to = raised.as_ref()?.after.read;
            let is_told = report.to.read > Seq::ZERO;
            is_told.then_some(ReadMark { conversation: report.conversation, user: report.user, up_to, at })
        };
        let mut marks: Vec<ReadMark> = reports.iter().zip(raised).filter_map(mark).collect();
        let mut ids: Vec<ConversationId> = marks.iter().map(|mark| mark.conversation).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = self.store.talk().conversations().load(&ids).await?;
        let most = self.limits.receipt_members_max;
        let small = |id| found.iter().flatten().any(|found| found.id == id && found.member_count <= most);
        marks.retain(|mark| small(mark.conversation));
        if marks.is_empty() { Ok(()) } else { log.note(&marks).await }
    }
}

impl ActingAs {
    /// When these members had read up to where, from a position on: for each in turn, ascending, at most `limit` marks.
    /// Of who is no member, of who is blocked on either side, in conversations of more than `receipt_members_max`
    /// members, and in a chat that does not [keep it](crate::ChatBuilder::keep_reads), there is nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use chat_core::{Chat, Draft, Limit, MemoryStore, Seq, UserId};
    /// let chat = Chat::builder(MemoryStore::new()).keep_reads().build().await?;
    /// let (ana, bo) = (UserId::from(1_u64), UserId::from(2_u64));
    /// # chat.actor(ana).request_friend(bo).await?;
    /// # chat.actor(bo).accept_friend(ana).await?;
    /// let sent = chat.actor(ana).send_to(bo, Draft::text("hello")?).await?.message;
    /// chat.actor(bo).report(sent.conversation, Some(sent.seq), None).await?;
    /// let reads = chat.actor(ana).reads(sent.conversation, &[bo], sent.seq, Limit::default()).await?;
    /// assert_eq!((reads[0].user, reads[0].up_to), (bo, sent.seq));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for more people than `receipt_members_max`; as [`ActingAs::members`].
    pub async fn reads(
        &self,
        id: ConversationId,
        of: &[UserId],
        from: Seq,
        limit: Limit,
    ) -> Result<Vec<ReadMark>, ChatError> {
        let most = self.core.limits.receipt_members_max;
        if of.len() as u64 > most {
            return Err(Refusal::invalid("/users", "too many").into());
        }
        let (found, row) = self.place(id).await?;
        permits(found.kind, found.settings, self.as_actor(row.as_ref()), Act::Read)?;
        let Some(log) = self.core.receipt_log().filter(|_| found.member_count <= most) else {
            return Ok(Vec::new());
        };
        let from = row.map_or(from, |row| from.max(row.visible_from));
        let rows = self.core.store.talk().memberships().of(id, of).await?;
        let blocks = self.core.store.people().friendships().blocks(self.user).await?;
        let members = rows.iter().flatten().filter(|row| row.role().is_some() && !blocks.contains(&row.user));
        let wanted: Vec<ReadsFrom> =
            members.map(|row| ReadsFrom { conversation: id, user: row.user, from }).collect();
        Ok(log.reads(&wanted, limit.get()).await?.concat())
    }
}
