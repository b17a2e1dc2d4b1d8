//! Finishing what was begun: files whose message is there are left alone, files of nothing go.

use std::sync::Arc;
use std::time::Duration;

use super::super::Core;
use super::is_part_of;
use super::record::{Record, State};
use crate::error::{ChatError, Refusal};
use crate::id::AttachmentId;
use crate::store::StoreError;

/// How many files one sweep looks after.
const SWEPT_AT_ONCE: usize = 100;

/// How long a deletion may take that has told its files free.
const DELETION_MAX: Duration = Duration::from_mins(1);

/// How often somebody else may come first.
const ROUNDS_MAX: u32 = 8;

/// Looks after the files that are due longest.
pub(in crate::engine) async fn sweep(core: &Core) -> Result<(), ChatError> {
    let Ok((_, rows)) = core.shelf() else { return Ok(()) };
    let mut swept = Ok(());
    for row in rows.due(core.clock.now(), SWEPT_AT_ONCE).await? {
        let Some(record) = Record::of_row(&row) else {
            tracing::error!(attachment = %row.id, "what is known of a file cannot be read");
            continue;
        };
        // One that cannot be looked after holds up no other.
        swept = unless_moved(settle(core, &record, Freed::No).await).and(swept);
    }
    swept
}

/// Whether a message has just lost a file, and nobody has asked for it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freed {
    No,
    Yes,
}

/// Looks after these, which a message has just got, and after those which it has lost, as they were then.
pub(in crate::engine) async fn settle_all(core: Arc<Core>, hung: Vec<AttachmentId>, freed: Vec<Released>) {
    let settled = async {
        for record in core.records(&hung).await?.into_iter().flatten() {
            unless_moved(settle(&core, &record, Freed::No).await)?;
        }
        let ids: Vec<AttachmentId> = freed.iter().map(|released| released.id).collect();
        for (record, released) in core.records(&ids).await?.into_iter().zip(&freed) {
            if let Some(record) = record.filter(|record| record.version == released.version) {
                unless_moved(settle(&core, &record, Freed::Yes).await)?;
            }
        }
        Ok::<_, ChatError>(())
    };
    if let Err(error) = settled.await {
        tracing::warn!(error = %error, "attachments are left to the sweep");
    }
}

/// Somebody else looks after it.
fn unless_moved(settled: Result<(), ChatError>) -> Result<(), ChatError> {
    match settled {
        Err(ChatError::Refused(Refusal::Conflict)) => Ok(()),
        settled => settled,
    }
}

/// What is to become of a file.
enum Fate {
    /// It is part of a message: nobody need look after it any more.
    Stays,
    /// Its time has not come.
    Waits,
    /// It is part of nothing.
    Goes,
}

/// Does with a file what its message says, and if there is none, what its time says.
async fn settle(core: &Core, record: &Record, freed: Freed) -> Result<(), ChatError> {
    match fate(core, record, freed).await? {
        Fate::Goes => take_away(core, record).await,
        Fate::Stays if record.due.is_some() => {
            let (shelf, rows) = core.shelf()?;
            shelf.files.clear(record.id).await?;
            Ok(rows.put(&record.next(record.state.clone(), None).to_row()).await?)
        }
        Fate::Stays | Fate::Waits => Ok(()),
    }
}

async fn fate(core: &Core, record: &Record, freed: Freed) -> Result<Fate, ChatError> {
    let in_time =
        if record.due.is_some_and(|due| due <= core.clock.now()) { Fate::Goes } else { Fate::Waits };
    Ok(match &record.state {
        State::Going => Fate::Goes,
        State::Coming(_) | State::Ready(_) => in_time,
        State::Hangs(_, nail) => match core.holder(record.owner, nail).await? {
            Some(message) if is_part_of(&message, record.id) => Fate::Stays,
            // Without it, or not yet with it: an edit may be on its way to the log.
            Some(_) if freed == Freed::Yes => Fate::Goes,
            Some(_) | None => in_time,
        },
    })
}

/// Takes a file away: first it is nobody's, then its bytes go, then its row.
pub(super) async fn take_away(core: &Core, record: &Record) -> Result<(), ChatError> {
    let (shelf, rows) = core.shelf()?;
    let going = match record.state {
        State::Going => record.clone(),
        _ => record.next(State::Going, Some(core.clock.now())),
    };
    if going.version != record.version {
        rows.put(&going.to_row()).await?;
    }
    shelf.files.remove(record.id).await?;
    rows.remove(record.id, going.version).await?;
    Ok(())
}

/// Whether the message that a file hangs on is in the log.
pub(in crate::engine) async fn is_written(core: &Core, record: &Record) -> Result<bool, ChatError> {
    let State::Hangs(_, nail) = &record.state else { return Ok(false) };
    let log = core.store.talk().log();
    Ok(log.find(nail.conversation, record.owner, &nail.client_id).await?.is_some())
}

/// Before a message gets a file: whoever else wants it is told.
///
/// # Errors
/// [`Refusal::Conflict`] when it was taken meanwhile; any failure of the store.
pub(in crate::engine) async fn hang_up(core: &Core, record: &Record) -> Result<(), ChatError> {
    let (_, rows) = core.shelf()?;
    match rows.put(&record.to_row()).await {
        // The lane came this far before, or another node's repeat did.
        Err(StoreError::Conflict) if core.records(&[record.id]).await?[0].as_ref() == Some(record) => Ok(()),
        put => Ok(put?),
    }
}

/// A file that a message is about to lose, as it is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Released {
    pub(in crate::engine) id: AttachmentId,
    version: u64,
}

/// Before messages lose these: if that is cut off, the sweep asks the log whether they did.
pub(in crate::engine) async fn release(
    core: &Core,
    ids: &[AttachmentId],
) -> Result<Vec<Released>, ChatError> {
    let mut released = Vec::new();
    let Ok((_, rows)) = core.shelf() else { return Ok(released) };
    for id in ids {
        for _ in 0..ROUNDS_MAX {
            let Some(record) = core.records(&[*id]).await?.pop().flatten() else { break };
            let due = core.clock.now().plus(DELETION_MAX);
            let freed = record.next(record.state.clone(), Some(due));
            match rows.put(&freed.to_row()).await {
                Err(StoreError::Conflict) => {}
                put => {
                    put?;
                    released.push(Released { id: *id, version: freed.version });
                    break;
                }
            }
        }
    }
    Ok(released)
}
