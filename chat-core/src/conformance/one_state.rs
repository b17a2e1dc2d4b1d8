//! Reads that must be of one state: what is answered together was true together, while writers never stop.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::friendships::{FRIENDS, change, friendships};
use super::scene::{Build, Scene, deletion, edit, limit, member, message, note, pair, seq, user};
use crate::conversation::{History, Role, Standing};
use crate::friendship::{Friendship, Relation};
use crate::id::Seq;
use crate::message::Patch;
use crate::page::Limit;
use crate::receipt::Receipt;
use crate::store::{
    After, ConversationPatch, Effect, FriendFilter, MessageRow, Raise, SeatQuery, Store, Window,
};

/// How many lanes a writer appends while others read.
const ROUNDS: u64 = 60;

/// A writer in a task of its own.
fn writing<F>(scene: &Scene, write: impl FnOnce(Scene) -> F) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(write(scene.clone()))
}

/// Lets somebody in at even positions, each time seeing from there on, and puts him out at odd ones.
async fn in_and_out(scene: Scene) {
    for number in 0..ROUNDS {
        let standing = number.is_multiple_of(2).then_some(Standing::Member(Role::Member));
        let moved = Effect::PutMember { user: user(2), standing, history: History::FromJoin };
        scene.put(note(user(1)).with(moved)).await;
    }
}

/// Each lane says something and deletes what the one before it said: whoever reads nothing has exactly one unread
/// message at any time, in every answer that tells how many.
pub async fn a_seat_is_of_one_state(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let first = scene.say(1, "a").await;
    let writer = writing(&scene, |scene| async move {
        let mut last = first;
        for _ in 0..ROUNDS {
            let drafts = vec![message(user(1), "a"), deletion(user(1), last, last)];
            last = super::scene::appended(&scene.append(drafts).await[0]).seq;
        }
    });
    while !writer.is_finished() {
        let ids = [scene.id];
        let everywhere = SeatQuery::Listed { after: None, limit: limit(10) };
        for query in [SeatQuery::These(&ids), everywhere] {
            let seat = store.talk().memberships().seats(user(2), query).await.unwrap().remove(0);
            let (head, n) = (seat.conversation.head.get(), seat.conversation.n);
            assert_eq!((seat.unread, head), (1, 2 * n), "of {seat:?}");
        }
        assert_eq!(scene.raise(2, 0, 0).await.unwrap().unread, 1);
    }
    writer.await.unwrap();
}

/// One reads what another writes and deletes: receipt, counts and unread of one answer belong together.
pub async fn a_seat_of_who_reads_is_of_one_state(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let writer = writing(&scene, |scene| async move {
        for _ in 0..ROUNDS {
            scene.append(vec![message(user(1), "a"), note(user(1))]).await;
        }
    });
    let reader = writing(&scene, |scene| async move {
        for read in 1..=ROUNDS {
            scene.raise(2, read * 2, read).await;
        }
    });
    while !writer.is_finished() || !reader.is_finished() {
        let seat = scene.seat(2).await.unwrap();
        let row = &seat.membership;
        // A message stands at every even position.
        assert_eq!(row.read_n, row.read.get() / 2, "of {seat:?}");
        assert_eq!(seat.unread, seat.conversation.n - row.read_n, "of {seat:?}");
        assert_eq!(seat.conversation.head.get(), 1 + 2 * seat.conversation.n, "of {seat:?}");
        let to = Receipt { read: Seq::ZERO, delivered: Seq::ZERO };
        let raise = Raise { conversation: scene.id, user: user(2), to };
        let raised = store.talk().receipts().raise(Arc::new([raise])).await.unwrap().remove(0).unwrap();
        assert_eq!(raised.before, raised.after);
    }
    writer.await.unwrap();
    reader.await.unwrap();
}

/// Entries of one answer show a message in one state, which is not older than any of them, nor younger than the head.
pub async fn entries_come_with_one_state_of_their_messages(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let said = scene.say(1, "0").await;
    let writer = writing(&scene, |scene| async move {
        let mut rev = said;
        for number in 1..=ROUNDS {
            rev = scene.put(edit(user(1), said, rev, &number.to_string())).await.seq;
        }
    });
    while !writer.is_finished() {
        let wanted = [After { conversation: scene.id, after: seq(1) }];
        let answer = store.talk().log().entries(&wanted, Limit::MAX).await.unwrap().remove(0);
        let messages: Vec<&MessageRow> =
            answer.items.iter().map(|row| row.message.as_ref().unwrap()).collect();
        assert!(messages.windows(2).all(|two| two[0] == two[1]), "one message in two states");
        assert!(answer.items.iter().map(|row| row.seq.get()).eq(2..=answer.head.get()), "up to the head");
        assert_eq!(messages[0].rev, answer.head, "as of the head");
        assert_eq!(messages[0].text, Some((answer.head.get() - 2).to_string()), "with the text of its rev");
    }
    writer.await.unwrap();
}

/// History of one answer has no gap, and says of what lies beyond it what is so.
pub async fn windows_are_of_one_state(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    scene.say_many(1, 10).await;
    let writer = writing(&scene, |scene| async move {
        for _ in 0..ROUNDS {
            scene.append(vec![note(user(1)), message(user(1), "a"), message(user(1), "b")]).await;
        }
    });
    while !writer.is_finished() {
        let head = scene.record().await.head;
        for window in [Window::Before(Seq::MAX), Window::After(seq(head.get() - 2)), Window::Around(head)] {
            let answer = scene.log().messages(scene.id, seq(1), window, limit(7)).await.unwrap();
            let numbers: Vec<u64> = answer.items.iter().map(|row| row.n).collect();
            let ends = (numbers[0], numbers[numbers.len() - 1]);
            assert!(numbers.iter().copied().eq(ends.0..=ends.1), "{window:?}: {numbers:?}");
            assert!(answer.has_before, "there are ten before what is new");
            assert!(!answer.has_after || numbers.len() == 7, "{window:?}: {answer:?}");
            assert!(!answer.has_after || !matches!(window, Window::Before(_)), "{answer:?}");
            // Lanes are visible wholly: the last of a lane is its second message.
            assert!(answer.has_after || ends.1.is_multiple_of(2), "{answer:?}");
        }
    }
    writer.await.unwrap();
}

/// Whoever has seen a head sees, from then on and on every path, all that was done up to it.
pub async fn a_head_brings_its_effects(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let said = scene.say(1, "0").await;
    let writer = writing(&scene, |scene| async move {
        for number in 1..=ROUNDS {
            let key = format!("{number:04}");
            let patch = ConversationPatch { name: Patch::Set(key.clone()), ..ConversationPatch::default() };
            let mark = Effect::PutMark { target: said, key, by: user(1) };
            let joins = member(user(100 + number), Role::Member);
            let all = note(user(1)).with(mark).with(joins).with(Effect::SetConversation(patch));
            scene.put(all.under(&format!("id-{number}"))).await;
        }
    });
    while !writer.is_finished() {
        let head = scene.log().heads(&[scene.id]).await.unwrap()[0].unwrap().head;
        let seen = head.get() - 2;
        let last = format!("{seen:04}");
        let marks = scene.log().marks(scene.id, &[said]).await.unwrap();
        assert!(marks.len() as u64 >= seen, "{} marks at {head}", marks.len());
        assert!(scene.message(said).await.unwrap().rev >= head || seen == 0);
        let record = scene.record().await;
        assert!(seen == 0 || record.name.is_some_and(|name| name >= last), "the name at {head}");
        if seen > 0 {
            assert!(scene.row(100 + seen).await.is_some(), "who joined at {head}");
            let client_id = note(user(1)).under(&format!("id-{seen}")).client_id;
            assert!(scene.log().find(scene.id, user(1), &client_id).await.unwrap().is_some());
            assert_eq!(store.talk().memberships().positions(user(100 + seen)).await.unwrap().len(), 1);
        }
    }
    writer.await.unwrap();
}

/// Where one stands is told with a head at which it was so: who joined at a position does not see an earlier head.
pub async fn positions_are_of_one_state(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let writer = writing(&scene, in_and_out);
    while !writer.is_finished() {
        for position in store.talk().memberships().positions(user(2)).await.unwrap() {
            // He joins at even positions and is gone at odd ones.
            assert_eq!((position.visible_from, position.member_count), (position.head, 2), "{position:?}");
        }
        for seat in store.talk().memberships().seats(user(2), SeatQuery::These(&[scene.id])).await.unwrap() {
            let head = seat.conversation.head;
            assert_eq!((seat.membership.visible_from, seat.conversation.member_count), (head, 2), "{seat:?}");
        }
    }
    writer.await.unwrap();
}

/// A row beside a conversation is of that moment or of a later one: by an older one somebody would be let in who was
/// put out before.
pub async fn a_row_is_no_older_than_its_place(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let writer = writing(&scene, in_and_out);
    while !writer.is_finished() {
        let place = store.talk().memberships().place(scene.id, user(2)).await.unwrap().unwrap();
        let head = place.conversation.head;
        if let Some(row) = place.membership {
            assert!(row.visible_from >= head, "{row:?} at {head}");
        } else {
            // He is a member at even positions; a later state has a higher one.
            let now = scene.record().await.head;
            assert!(head.get() % 2 == 1 || now > head, "nobody at {head}, and it is {now}");
        }
    }
    writer.await.unwrap();
}

/// A pair as it is listed, told and recorded: whoever sees a version in the feed sees the record and the row of it.
pub async fn a_feed_brings_its_rows(store: Arc<dyn Store>) {
    let pair = pair(1, 2);
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for version in 0..ROUNDS {
                let friendship = if version.is_multiple_of(2) { FRIENDS } else { Friendship::default() };
                friendships(&store).put(&change(pair, version, friendship)).await.unwrap();
            }
        }
    });
    while !writer.is_finished() {
        let feed = friendships(&store).since(user(1), Some(0)).await.unwrap();
        let Some(told) = feed.items.last() else { continue };
        assert_eq!((told.version, feed.items.len()), (feed.cursor, 1));
        assert_eq!(told.version % 2 == 1, told.row.view.relation == Relation::Friends, "{told:?}");
        let record = friendships(&store).of(&[pair]).await.unwrap().remove(0).unwrap();
        assert!(record.version >= told.version, "{record:?} after {told:?}");
        assert_eq!(record.friendship == FRIENDS, record.version % 2 == 1, "{record:?}");
        let rows = friendships(&store).list(user(1), FriendFilter::All, None, limit(5)).await.unwrap();
        assert!(rows.len() <= 1);
    }
    writer.await.unwrap();
}
