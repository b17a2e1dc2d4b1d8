//! Two stores, called with the same.

use std::sync::Arc;

use proptest::prelude::BoxedStrategy;

use super::calls::{Call, Place, USERS, call};
use super::drafts::Maker;
use super::looks::Look;
use super::{Difference, Done, Twins, equal};
use crate::store::{Store, StoreError};

/// After how many calls everything is looked at, not only what the call was about.
const ALL_EVERY: u64 = 40;

/// The two, side by side.
pub(super) struct Stores {
    memory: Arc<dyn Store>,
    other: Arc<dyn Store>,
    steps: u64,
    entries: u64,
}

impl From<StoreError> for Difference {
    fn from(error: StoreError) -> Self {
        Self(format!("a store failed: {error:?}"))
    }
}

impl Stores {
    async fn compare(&self, looks: impl IntoIterator<Item = Look>) -> Result<(), Difference> {
        for look in looks {
            let memory = look.of(&*self.memory, self.steps).await?;
            let other = look.of(&*self.other, self.steps).await?;
            equal(format_args!("{look:?} at step {}", self.steps), &memory, &other)?;
        }
        Ok(())
    }
}

/// What a call may have changed.
fn looks(call: &Call, step: u64) -> Vec<Look> {
    let at = |place: Place| Look::at(place, 1 + step % USERS);
    let near =
        |place: Place| vec![Look::Record(place), Look::Members(place), Look::Positions(1 + step % USERS)];
    match call {
        Call::Append(lanes) => {
            let mut all = at(lanes[0].place);
            all.extend(
                lanes[1..].iter().flat_map(|lane| [Look::Record(lane.place), Look::Entries(lane.place)]),
            );
            all
        }
        Call::Ensure(place, _)
        | Call::Fence(place)
        | Call::Enter { place, .. }
        | Call::Exit(place, _)
        | Call::Hide(place, _) => near(*place),
        Call::Raise(all) => all.iter().map(|raise| Look::Members(raise.0)).collect(),
        Call::Pair { low, high, .. } => [*low, *high]
            .into_iter()
            .flat_map(|number| [Look::Friends(number), Look::Feed(number), Look::Blocks(number)])
            .chain([Look::Pairs])
            .collect(),
        Call::Fenced { .. } => vec![Look::Pairs, Look::Unfenced],
        Call::Create { .. } | Call::Update { .. } => {
            vec![Look::Accounts, Look::Claims, Look::Search, Look::States]
        }
        Call::LogIn { user, .. } => vec![Look::LoginsOf(*user), Look::Logins],
        Call::Rotate { .. } | Call::Touch(_) | Call::End(_) => vec![Look::Logins, Look::Expired],
    }
}

impl Twins for Stores {
    type Step = Call;

    const REGRESSIONS: (&'static str, &'static str) =
        ("regressions/calls.txt", include_str!("regressions/calls.txt"));

    fn steps() -> BoxedStrategy<Call> {
        call()
    }

    async fn new(memory: Arc<dyn Store>, other: Arc<dyn Store>) -> Self {
        Self { memory, other, steps: 0, entries: 0 }
    }

    async fn step(&mut self, call: &Call) -> Result<Done, Difference> {
        self.steps += 1;
        let mut done = Done::No;
        let mut maker = Maker { memory: &*self.memory, entries: &mut self.entries };
        if let Some(request) = maker.request(call).await? {
            let (memory, other) = (request.of(&*self.memory).await, request.of(&*self.other).await);
            equal("the answer", &memory, &other)?;
            if memory.contains("Ok(") {
                done = Done::Yes;
            }
        }
        self.compare(looks(call, self.steps)).await?;
        if self.steps.is_multiple_of(ALL_EVERY) {
            self.compare(Look::all()).await?;
        }
        Ok(done)
    }

    async fn finish(self) -> Result<(), Difference> {
        self.compare(Look::all()).await
    }
}
