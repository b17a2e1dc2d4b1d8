//! Every call lost once, in both ways, and every call the last one of a node: an evening of four people is lived again
//! and again, each time with another call to the store failing, and always ends the same.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::evening::{Evening, Sight};
use super::failing::{Faults, Loss};
use super::fixture::Database;
use super::gated::Gates;
use super::node::{client_id, draft};
use super::scene::user;
use crate::engine::Chat;
use crate::id::{Seq, Tenant};
use crate::page::Limit;
use crate::store::Store;
use crate::testing::ManualClock;

/// One draft that the store cannot keep, in a lane and batch with others: it alone fails, the others keep their order.
pub async fn a_poison_draft_spoils_nothing_else(store: Arc<dyn Store>) {
    let (faults, gates) = (Faults::default(), Gates::default());
    let store = gates.over(faults.over(store));
    let chat = Chat::over(store).clock(Arc::new(ManualClock::default())).build().await.unwrap();
    let actor = chat.actor(user(1));
    for other in [2, 3] {
        actor.request_friend(user(other)).await.unwrap();
        chat.actor(user(other)).accept_friend(user(1)).await.unwrap();
    }
    faults.poison(client_id("poison"));
    // While the first is on its way to the store, the others gather into one batch of two lanes.
    let mut gate = gates.before("Log::append");
    let first = tokio::spawn(actor.send_to(user(2), draft("first")));
    gate.reached().await;
    let gathered = ["second", "poison", "third"].map(|text| actor.send_to(user(2), draft(text)));
    let elsewhere = actor.send_to(user(3), draft("elsewhere"));
    gate.open();
    first.await.unwrap().unwrap();
    let [second, poison, third] = gathered;
    let stored = [second.await, third.await].map(|sent| sent.unwrap().message.seq.get());
    assert_eq!(stored, [2, 3]);
    assert_eq!(poison.await.unwrap_err().code(), "internal");
    assert_eq!(elsewhere.await.unwrap().message.seq, Seq::new(1));
}

/// Whatever single call is lost, request or reply: who repeats gets what he asked for, exactly once, nothing is left
/// half done, and everybody sees the same in the end as if nothing had been lost.
pub async fn any_single_call(database: Arc<dyn Database>) {
    let store = database.store(Tenant::default());
    let undisturbed = Undisturbed::live(&store).await;
    let lost = (1..=undisturbed.calls).flat_map(|nth| Loss::ALL.map(|loss| (nth, loss)));
    let lost = lost.step_by(database.stride());
    side_by_side((1_u64..).zip(lost), async |(round, (nth, loss))| {
        let evening = Evening::new(&store, round * 10).await;
        let open = crate::delivery::Open::new(evening.user(1));
        let session = evening.chat().open_with(open).await.unwrap();
        evening.faults.fail(nth, loss);
        evening.live().await;
        // How many calls there are depends a little on what runs beside: the last ones may not have come.
        evening.faults.mend();
        undisturbed.is_equal(&evening, &format!("call {nth}: its {loss:?} was lost")).await;
        evening.assert_told(session).await;
        evening.chat().shutdown().await;
    })
    .await;
    assert_eq!(store.people().friendships().unfenced(Limit::MAX).await.unwrap(), []);
}

/// Whenever a node is killed, between any two calls or after the store has done one and before anybody knows: who
/// repeats at another node gets what he asked for, exactly once, nothing is left half done, and everybody sees the same
/// in the end as if nothing had happened.
pub async fn a_kill_at_any_call(database: Arc<dyn Database>) {
    let store = database.store(Tenant::default());
    let undisturbed = Undisturbed::live(&store).await;
    side_by_side((1..=undisturbed.calls).step_by(database.stride()), async |nth| {
        // Killed before a call is killed after the one before; in turns it is the store that decides which is the last.
        let loss = Loss::ALL[usize::from(nth % 2 == 0)];
        let evening = Evening::new(&store, nth * 10).await;
        evening.faults.crash(nth, loss);
        evening.live().await;
        evening.is_whole().await;
        undisturbed.is_equal(&evening, &format!("killed at call {nth}, its {loss:?} lost")).await;
        evening.chat().shutdown().await;
    })
    .await;
    assert_eq!(store.people().friendships().unfenced(Limit::MAX).await.unwrap(), []);
}

/// An evening in which nothing is lost: what everybody sees in the end, and how many calls it takes.
struct Undisturbed {
    calls: u64,
    sights: Vec<Sight>,
}

impl Undisturbed {
    async fn live(store: &Arc<dyn Store>) -> Self {
        let evening = Evening::new(store, 0).await;
        let before = evening.faults.calls();
        evening.live().await;
        let (calls, sights) = (evening.faults.calls() - before, evening.sights().await);
        assert_eq!(sights[0].conversations.len(), 2, "the direct one and the group");
        Self { calls, sights }
    }

    async fn is_equal(&self, evening: &Evening, what: &str) {
        assert_eq!(evening.sights().await, self.sights, "of {} calls, {what}", self.calls);
    }
}

/// How many evenings are lived at once, by different people on different nodes: most of each is waiting for the store.
const AT_ONCE: usize = 4;

async fn side_by_side<R, F: Future<Output = ()>>(rounds: impl Iterator<Item = R>, live: impl FnMut(R) -> F) {
    stream::iter(rounds).map(live).buffer_unordered(AT_ONCE).collect::<()>().await;
}
