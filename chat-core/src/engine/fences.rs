//! Fences: what was decided before a right was taken away must not be written after it was acknowledged.
//!
//! Taking a right away between two people: write the record that says so, raise the `acl` of their conversation, mark
//! it done, answer. Whoever finds the mark missing finishes the fence first: a repeat, a reader, or the sweeper.

use super::Core;
use crate::error::ChatError;
use crate::id::ConversationId;
use crate::page::Limit;
use crate::store::PairRecord;

/// Finishes the fence of a pair, if one is due.
pub(super) async fn finish(core: &Core, record: &PairRecord) -> Result<(), ChatError> {
    if !record.is_fence_due() {
        return Ok(());
    }
    let direct = ConversationId::direct(core.store.tenant(), record.pair);
    core.store.talk().conversations().fence(direct).await?;
    core.store.people().friendships().fenced(record.pair, record.fence_due).await?;
    Ok(())
}

/// Finishes what earlier runs have left.
pub(super) async fn sweep(core: &Core) -> Result<(), ChatError> {
    for record in core.store.people().friendships().unfenced(Limit::MAX).await? {
        finish(core, &record).await?;
    }
    Ok(())
}
