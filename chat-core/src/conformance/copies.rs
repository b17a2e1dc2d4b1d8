//! Copies: into the store and out of it again, beside a writer, cut off anywhere, and refused.
//!
//! The other side is always the store in memory.

use std::sync::Arc;

use super::failing::{Faults, Loss};
use super::node::draft;
use super::scene::{Scene, at, message, user};
use super::world::{Whole, World, login};
use crate::command::{Command, Reply, Sync, SyncState};
use crate::copy::{Copied, CopyError, Part, copy};
use crate::delivery::{Open, Resume, Session};
use crate::engine::Chat;
use crate::event::Event;
use crate::id::{ConversationId, Seq};
use crate::memory::MemoryStore;
use crate::page::Limit;
use crate::store::{
    Account, AccountCopy, Claim, ClaimKind, PasswordHash, Store, TransferPeople, TransferTalk,
};
use crate::testing::ManualClock;

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

async fn try_copy(from: &Arc<dyn Store>, to: &Arc<dyn Store>) -> Result<Copied, CopyError> {
    copy(&**from, &**to, &|_| {}).await
}

/// Copies, and compares by other means than the copy does.
async fn copied(from: &Arc<dyn Store>, to: &Arc<dyn Store>) -> Copied {
    let copied = try_copy(from, to).await.unwrap();
    assert_eq!(Whole::of(&**from).await, Whole::of(&**to).await);
    copied
}

/// Everything is there to the letter, here and back in memory again; a second copy finds nothing to do.
pub async fn a_copy_is_the_same_to_the_letter(store: Arc<dyn Store>) {
    let (world, back) = (World::new(memory()).await, memory());
    let there = copied(&world.store, &store).await;
    let counts = there.counts;
    assert!(
        counts.pairs > 5 && counts.entries > 450 && counts.members > 300 && counts.marks == 2,
        "{there:?}"
    );
    let again = copied(&world.store, &store).await;
    assert_eq!((again.counts, again.passes), (counts, 1));
    let returned = copied(&store, &back).await;
    assert_eq!(returned.counts, counts);
    assert_eq!(Whole::of(&*world.store).await, Whole::of(&*back).await);
    world.end().await;
}

/// Older messages that were changed, marked or deleted since, receipts, logins that ended: all of it follows.
pub async fn what_is_new_is_copied_by_the_next_run(store: Arc<dyn Store>) {
    let mut world = World::new(memory()).await;
    let lasting = login(1);
    let sessions = world.store.access().sessions();
    sessions.create(&lasting, 10).await.unwrap();
    copied(&world.store, &store).await;
    world.go_on(60).await;
    world.mark(Seq::new(100), "new").await;
    world.bury(Seq::new(101)).await;
    world.scene.read(3, Seq::new(90)).await;
    let sessions = world.store.access().sessions();
    sessions.end(&[lasting.id]).await.unwrap();
    world.store.talk().conversations().fence(world.scene.id).await.unwrap();
    let copied = copied(&world.store, &store).await;
    assert_eq!(copied.passes, 2, "the second one finds nothing");
    world.end().await;
}

/// A store that is copied while it is written to is copied as far as it goes, and wholly once it is still.
pub async fn a_copy_beside_a_writer(store: Arc<dyn Store>) {
    let world = World::new(memory()).await;
    let (scene, logins) = (world.scene.clone(), Arc::clone(&world.store));
    let writer = tokio::spawn(async move {
        for number in 0..200 {
            let seq = scene.say(1, &format!("new {number}")).await;
            if number % 5 == 0 {
                scene.delete(seq).await;
            }
            scene.read(2, seq).await;
            logins.access().sessions().create(&login(number % 7), 3).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    while !writer.is_finished() {
        match try_copy(&world.store, &store).await {
            Ok(_) | Err(CopyError::Moving(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    writer.await.unwrap();
    copied(&world.store, &store).await;
    world.end().await;
}

/// A copy that was cut off at any call is gone on with by the next, and by the one after that; in turns it is the call
/// or its answer that is lost.
pub async fn a_copy_cut_off_anywhere_is_gone_on_with(store: Arc<dyn Store>) {
    let source = memory();
    let scene = Scene::group(&source, &[1, 2, 3]).await;
    let faults = Faults::default();
    let (from, to) = (faults.over(Arc::clone(&source)), faults.over(Arc::clone(&store)));
    for nth in 1.. {
        // Something of each kind is to be put every time.
        let seq = scene.say(1, "new").await;
        scene.delete(seq).await;
        scene.read(2, seq).await;
        source.access().sessions().create(&login(nth), 1).await.unwrap();
        source.people().transfer_people().put_accounts(&[account(nth, nth)]).await.unwrap();
        faults.fail(nth, Loss::ALL[usize::from(nth % 2 == 0)]);
        let cut = try_copy(&from, &to).await;
        if !faults.is_over() {
            faults.mend();
            cut.unwrap();
            assert!(nth > 20, "{nth}");
            break;
        }
        // A call that is lost in the midst of several may be passed over by those that are dropped with it.
        assert!(matches!(cut, Err(CopyError::Source(_) | CopyError::Target(_))), "{nth}: {cut:?}");
        if nth % 4 == 0 {
            copied(&source, &store).await;
        }
    }
    copied(&source, &store).await;
}

/// A device comes back to the copy: it is told what is new, and what it repeats is a repeat.
pub async fn a_client_goes_on_at_the_copy(store: Arc<dyn Store>) {
    let source = memory();
    let (id, epoch, friends) = {
        let chat = chat_over(&source).await;
        chat.actor(user(2)).request_friend(user(1)).await.unwrap();
        chat.actor(user(1)).accept_friend(user(2)).await.unwrap();
        let first = chat.actor(user(1)).send_to(user(2), draft("first")).await.unwrap().message;
        let friends = source.people().friendships().since(user(2), None).await.unwrap().cursor;
        chat.actor(user(1)).send_to(user(2), draft("second")).await.unwrap();
        chat.shutdown().await;
        (first.conversation, chat.epoch(), friends)
    };
    copied(&source, &store).await;

    let chat = chat_over(&store).await;
    assert_eq!(chat.epoch(), epoch);
    let mut session = chat.open_with(Open::new(user(2)).resume(Resume::AwaitSync)).await.unwrap();
    let conversations = vec![(id, Seq::new(1))];
    let request = Sync { epoch: Some(epoch), conversations, friends: Some(friends), ..Sync::default() };
    let reply = session.handle(Command::Sync(request)).await.unwrap();
    let Reply::Synced(synced) = reply else { panic!("a sync is answered as one: {reply:?}") };
    assert!(!matches!(synced.conversations[0].1, SyncState::Reset(_)) && !synced.friends.reset, "{synced:?}");
    let repeat = chat.actor(user(1)).send(id, draft("second")).await.unwrap().message;
    assert_eq!(repeat.seq, Seq::new(2));
    chat.actor(user(1)).send(id, draft("third")).await.unwrap();
    assert_eq!(told(&mut session, id, 2).await, [2, 3]);
    let texts = chat.actor(user(2)).history(id, None, Limit::MAX).await.unwrap().items;
    assert_eq!(texts.len(), 3);
    chat.shutdown().await;
}

async fn chat_over(store: &Arc<dyn Store>) -> Chat {
    let chat = Chat::over(Arc::clone(store)).clock(Arc::new(ManualClock::default()));
    chat.build().await.unwrap()
}

/// The positions of the next so many entries that a device is told of.
async fn told(session: &mut Session, of: ConversationId, count: usize) -> Vec<u64> {
    let mut seqs = Vec::new();
    while seqs.len() < count {
        if let Event::Entry(entry) = session.next().await.unwrap()
            && entry.conversation == of
        {
            seqs.push(entry.seq.get());
        }
    }
    seqs
}

/// What differs where nothing shows it is found by the comparison, and put again.
pub async fn a_row_that_differs_is_put_again(store: Arc<dyn Store>) {
    let source = memory();
    let scene = Scene::group(&source, &[1, 2]).await;
    let said = scene.say_many(1, 3).await;
    copied(&source, &store).await;
    let talk: &dyn TransferTalk = store.talk().transfer_talk();
    let mut row = talk.entries_after(scene.id, said[0].previous(), 1).await.unwrap();
    row[0].entry.message.as_mut().unwrap().text = Some("tampered with".to_owned());
    talk.put_log(&scene.record().await, &row).await.unwrap();
    copied(&source, &store).await;
}

/// Who used the copy cannot copy into it again: positions would mean two things.
pub async fn a_target_that_went_on_is_refused(store: Arc<dyn Store>) {
    let source = memory();
    let scene = Scene::group(&source, &[1, 2]).await;
    copied(&source, &store).await;
    let there = Scene { store: Arc::clone(&store), id: scene.id };
    there.put(message(user(1), "said at the copy")).await;
    let refused = try_copy(&source, &store).await.unwrap_err();
    let CopyError::Ahead(parts) = &refused else { panic!("{refused:?}") };
    assert_eq!(parts.named(), [Part::Conversation(scene.id)]);
    assert!(refused.to_string().contains(&scene.id.to_string()), "{refused}");

    scene.say_many(1, 3).await;
    let made = Scene::group(&store, &[3, 4]).await;
    let refused = try_copy(&source, &store).await.unwrap_err();
    let CopyError::Ahead(parts) = &refused else { panic!("{refused:?}") };
    assert_eq!(parts.named(), [Part::Conversation(made.id)]);
}

/// Conversations of another epoch, and people nobody knows, are not written over.
pub async fn a_target_of_something_else_is_refused(store: Arc<dyn Store>) {
    let (source, other) = (memory(), memory());
    store.people().transfer_people().put_accounts(&[account(1, 1)]).await.unwrap();
    let refused = try_copy(&source, &store).await.unwrap_err();
    let CopyError::Ahead(parts) = &refused else { panic!("{refused:?}") };
    assert_eq!(parts.named(), [Part::Accounts]);

    Scene::group(&store, &[1, 2]).await;
    let before = Whole::of(&*store).await;
    let refused = try_copy(&other, &store).await.unwrap_err();
    assert!(matches!(refused, CopyError::Occupied), "{refused:?}");
    assert_eq!(Whole::of(&*store).await, before);
}

/// Two who have each other's names since they were copied, however far apart they stand.
pub async fn names_that_were_swapped(store: Arc<dyn Store>) {
    let source = memory();
    let people: &dyn TransferPeople = source.people().transfer_people();
    let all: Vec<AccountCopy> = (1..=600).map(|number| account(number, number)).collect();
    people.put_accounts(&all).await.unwrap();
    copied(&source, &store).await;
    let swapped = [account(1, 600), account(600, 1), account(2, 300), account(300, 301), account(301, 2)];
    people.put_accounts(&swapped).await.unwrap();
    copied(&source, &store).await;
}

/// The account of this number, which has the name of that one.
fn account(number: u64, name: u64) -> AccountCopy {
    let (name, password) = (format!("name{name}"), PasswordHash("$argon2id$…".to_owned()));
    let claims = vec![Claim { kind: ClaimKind::Username, value: name.clone() }];
    let account = Account::new(user(number), name, password, at(1_000));
    AccountCopy { account, claims, words: vec!["word".to_owned()] }
}
