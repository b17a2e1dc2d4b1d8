//! Schedules that break naive designs: two nodes on one store, one stopped between two of its calls while the other
//! acts, or killed there.

use std::sync::Arc;

use super::node::{Node, Stop, client_id, code, direct, draft};
use super::scene::user;
use crate::command::{NewConversation, Sync, SyncState};
use crate::delivery::{Open, Resume};
use crate::event::Event;
use crate::id::{ConversationId, Seq};
use crate::message::{Edit, What};
use crate::store::Store;
use crate::{Command, Reply};

/// Every place in which a send of a member can be stopped before it is in the log.
const POINTS_OF_A_SEND: [Stop; 5] = [
    Stop::Before("Conversations::load"),
    Stop::After("Conversations::load"),
    Stop::Before("Memberships::of"),
    Stop::After("Memberships::of"),
    Stop::Before("Log::append"),
];

/// A removal is acked while a send of the removed one stands anywhere before the log: the send is refused, then and
/// when it is repeated, and nothing of his stands after his removal.
pub async fn a_removal_overtakes_a_send(store: Arc<dyn Store>) {
    for (round, stop) in (1_u64..).zip(POINTS_OF_A_SEND) {
        let [owner, member, third] = [1, 2, 3].map(|number| round * 10 + number);
        let (a, b) = (Node::new(&store).await, Node::new(&store).await);
        let id = b.group(&[owner, member, third]).await;
        let mut gate = a.stop(stop);
        let sending = a.sending(member, id, "too late");
        gate.reached().await;
        b.chat.actor(user(owner)).remove(id, user(member), None).await.unwrap();
        gate.open();
        assert_eq!(code(&sending.await.unwrap()), "not_found", "{stop:?}");
        assert_eq!(code(&a.say(member, id, "too late").await), "not_found", "{stop:?}");
        let entries = b.entries(owner, id).await;
        let removed = entries.last().map(|entry| matches!(entry.what, What::Removed { .. }));
        assert_eq!((entries.len(), removed), (2, Some(true)), "{stop:?}");
    }
}

/// The same with what the node has kept in memory from earlier sends.
pub async fn a_removal_overtakes_a_send_decided_from_memory(store: Arc<dyn Store>) {
    let (a, b) = (Node::new(&store).await, Node::new(&store).await);
    let id = b.group(&[1, 2, 3]).await;
    a.say(2, id, "in time").await.unwrap();
    b.chat.actor(user(1)).remove(id, user(2), None).await.unwrap();
    assert_eq!(code(&a.say(2, id, "too late").await), "not_found");
    assert_eq!(b.texts(1, id).await, [Some("in time".to_owned())]);
}

/// A demotion is a right taken away like a removal: who was an admin removes nobody any more.
pub async fn a_demotion_overtakes_a_removal(store: Arc<dyn Store>) {
    let (a, b) = (Node::new(&store).await, Node::new(&store).await);
    let id = b.group(&[1, 2, 3]).await;
    let owner = b.chat.actor(user(1));
    owner.set_role(id, user(2), crate::Role::Admin, None).await.unwrap();
    let mut gate = a.gates.before("Log::append");
    let admin = a.chat.actor(user(2));
    let removing = tokio::spawn(async move { admin.remove(id, user(3), None).await });
    gate.reached().await;
    owner.set_role(id, user(2), crate::Role::Member, None).await.unwrap();
    gate.open();
    assert_eq!(code(&removing.await.unwrap()), "forbidden");
    assert_eq!(owner.members(id, None, crate::Limit::MAX).await.unwrap().items.len(), 3);
}

/// Two owners leave at once, each seeing the other stay: the group keeps an owner.
pub async fn two_owners_leave_at_once(store: Arc<dyn Store>) {
    let (a, b) = (Node::new(&store).await, Node::new(&store).await);
    let id = b.group(&[1, 2, 3]).await;
    b.chat.actor(user(1)).set_role(id, user(2), crate::Role::Owner, None).await.unwrap();
    let mut gate = a.gates.before("Log::append");
    let one = a.chat.actor(user(1));
    let leaving = tokio::spawn(async move { one.leave(id, None).await });
    gate.reached().await;
    b.chat.actor(user(2)).leave(id, None).await.unwrap();
    gate.open();
    leaving.await.unwrap().unwrap();
    let left = b.chat.actor(user(3)).members(id, None, crate::Limit::MAX).await.unwrap().items;
    let left: Vec<_> = left.iter().map(|member| (member.user.id, member.role)).collect();
    assert_eq!(left, [(user(3), crate::Role::Owner)]);
}

/// The first of two blockers dies between the record and the fence; the second, a mere repeat, is acked only when the
/// fence is done: a node that remembers the friendship refuses from then on.
pub async fn a_fence_that_the_first_blocker_did_not_finish(store: Arc<dyn Store>) {
    for (round, at) in (1_u64..).zip([Stop::After("Friendships::put"), Stop::Before("Conversations::fence")])
    {
        let [one, two] = [1, 2].map(|number| round * 10 + number);
        let (a, dying, b) = (Node::new(&store).await, Node::new(&store).await, Node::new(&store).await);
        a.befriend(one, two).await;
        let id = direct(&store, one, two);
        a.chat.actor(user(two)).send_to(user(one), draft("in time")).await.unwrap();
        let mut gate = dying.stop(at);
        let blocker = dying.chat.actor(user(one));
        tokio::spawn(async move { blocker.block(user(two)).await });
        gate.reached().await;
        dying.gates.crash();
        gate.open();

        b.chat.actor(user(one)).block(user(two)).await.unwrap();
        assert_eq!(code(&a.say(two, id, "too late").await), "not_accepted", "{at:?}");
        assert_eq!(b.texts(one, id).await, [Some("in time".to_owned())]);
    }
}

/// A friendship is ended by a node that dies before the fence: whoever sweeps finishes it, and so does whoever reads
/// the pair to decide.
pub async fn a_friendship_ended_without_a_fence(store: Arc<dyn Store>) {
    let (a, dying, b) = (Node::new(&store).await, Node::new(&store).await, Node::new(&store).await);
    a.befriend(1, 2).await;
    let id = direct(&store, 1, 2);
    a.chat.actor(user(2)).send_to(user(1), draft("in time")).await.unwrap();
    let mut gate = dying.gates.after("Friendships::put");
    let ending = dying.chat.actor(user(1));
    tokio::spawn(async move { ending.remove_friend(user(2)).await });
    gate.reached().await;
    dying.gates.crash();
    gate.open();

    b.chat.catch_up_now().await.unwrap();
    assert_eq!(store.people().friendships().unfenced(crate::Limit::MAX).await.unwrap(), []);
    assert_eq!(code(&a.say(2, id, "too late").await), "not_accepted");
}

/// The same finished by a reader: a node that has never heard of the two decides from the records.
pub async fn a_reader_finishes_the_fence(store: Arc<dyn Store>) {
    let (a, dying, b) = (Node::new(&store).await, Node::new(&store).await, Node::new(&store).await);
    a.befriend(1, 2).await;
    let id = direct(&store, 1, 2);
    a.chat.actor(user(2)).send_to(user(1), draft("in time")).await.unwrap();
    let mut gate = dying.gates.after("Friendships::put");
    let blocking = dying.chat.actor(user(1));
    tokio::spawn(async move { blocking.block(user(2)).await });
    gate.reached().await;
    dying.gates.crash();
    gate.open();

    assert_eq!(code(&b.say(2, id, "on another node").await), "not_accepted");
    assert_eq!(
        code(&a.say(2, id, "too late").await),
        "not_accepted",
        "what one node was told holds on the other"
    );
}

/// A block is acked while the first message of the pair stands anywhere before the log, the shell made or not: the
/// message is refused.
pub async fn a_block_overtakes_the_first_message(store: Arc<dyn Store>) {
    let points = [
        Stop::Before("Conversations::ensure"),
        Stop::After("Conversations::ensure"),
        Stop::Before("Memberships::of"),
        Stop::Before("Log::append"),
    ];
    for (round, stop) in (1_u64..).zip(points) {
        let [one, two] = [1, 2].map(|number| round * 10 + number);
        let (a, b) = (Node::new(&store).await, Node::new(&store).await);
        b.befriend(one, two).await;
        let mut gate = a.stop(stop);
        let sending = tokio::spawn(a.chat.actor(user(one)).send_to(user(two), draft("too late")));
        gate.reached().await;
        b.chat.actor(user(two)).block(user(one)).await.unwrap();
        gate.open();
        assert_eq!(code(&sending.await.unwrap()), "not_accepted", "{stop:?}");
        let record = store.talk().conversations().load(&[direct(&store, one, two)]).await.unwrap().remove(0);
        assert!(record.is_none_or(|record| record.head == Seq::ZERO), "{stop:?}");
    }
}

/// Two first messages at once, from both sides and both nodes: one conversation, both messages.
pub async fn two_first_messages_meet(store: Arc<dyn Store>) {
    let (a, b) = (Node::new(&store).await, Node::new(&store).await);
    a.befriend(1, 2).await;
    let mut gate = a.gates.before("Conversations::ensure");
    let sending = tokio::spawn(a.chat.actor(user(1)).send_to(user(2), draft("one")));
    gate.reached().await;
    b.chat.actor(user(2)).send_to(user(1), draft("two")).await.unwrap();
    gate.open();
    let second = sending.await.unwrap().unwrap().message;
    assert_eq!((second.conversation, second.seq), (direct(&store, 1, 2), Seq::new(2)));
    assert_eq!(b.texts(1, second.conversation).await, ["two", "one"].map(|text| Some(text.to_owned())));
}

/// A node dies in the middle of a deletion: either nothing happened, or the text is nowhere; a repeat ends it.
pub async fn a_crash_in_the_middle_of_a_deletion(store: Arc<dyn Store>) {
    for (round, stop) in (1_u64..).zip([Stop::Before("Log::append"), Stop::After("Log::append")]) {
        let [one, two] = [1, 2].map(|number| round * 10 + number);
        let (dying, b) = (Node::new(&store).await, Node::new(&store).await);
        b.befriend(one, two).await;
        let said = b.chat.actor(user(one)).send_to(user(two), draft("top secret")).await.unwrap().message;
        let (id, seq) = (said.conversation, said.seq);
        let mut gate = dying.stop(stop);
        let deleting = dying.chat.actor(user(one));
        tokio::spawn(async move { deleting.delete(id, seq, Some(client_id("delete"))).await });
        gate.reached().await;
        dying.gates.crash();
        gate.open();

        let done = matches!(stop, Stop::After(_));
        assert_eq!(b.texts(two, id).await, [(!done).then(|| "top secret".to_owned())], "{stop:?}");
        let repeat = b.chat.actor(user(one)).delete(id, seq, Some(client_id("delete"))).await.unwrap();
        assert_eq!((repeat.text(), repeat.deleted_at.is_some()), (None, true));
        assert!(!format!("{:?}", b.entries(two, id).await).contains("top secret"));
        assert_eq!(b.history(two, id).await.len(), 1, "and nothing is there twice");
        assert_eq!(b.entries(two, id).await.len(), 2);
    }
}

/// A node dies in the middle of an edit: history and entries agree on what the text is, and a repeat ends it.
pub async fn a_crash_in_the_middle_of_an_edit(store: Arc<dyn Store>) {
    for (round, stop) in (1_u64..).zip([Stop::Before("Log::append"), Stop::After("Log::append")]) {
        let [one, two] = [1, 2].map(|number| round * 10 + number);
        let (dying, b) = (Node::new(&store).await, Node::new(&store).await);
        b.befriend(one, two).await;
        let said = b.chat.actor(user(one)).send_to(user(two), draft("old")).await.unwrap().message;
        let (id, seq) = (said.conversation, said.seq);
        let mut gate = dying.stop(stop);
        let editing = dying.chat.actor(user(one));
        let edit = || Edit::text("new").unwrap();
        tokio::spawn(async move { editing.edit(id, seq, edit(), Some(client_id("edit"))).await });
        gate.reached().await;
        dying.gates.crash();
        gate.open();

        for message in b.entries(two, id).await.iter().filter_map(|entry| entry.message()) {
            assert_eq!(Some(message), b.history(two, id).await.first(), "{stop:?}");
        }
        let repeat = b.chat.actor(user(one)).edit(id, seq, edit(), Some(client_id("edit"))).await.unwrap();
        assert_eq!((repeat.text(), repeat.rev), (Some("new"), Seq::new(2)));
        assert_eq!(b.entries(two, id).await.len(), 2, "{stop:?}");
    }
}

/// The reply to a send is lost with its node: the repeat on another node is the same message.
pub async fn a_send_repeated_elsewhere(store: Arc<dyn Store>) {
    let (dying, b) = (Node::new(&store).await, Node::new(&store).await);
    let id = b.group(&[1, 2, 3]).await;
    let mut gate = dying.gates.after("Log::append");
    drop(dying.sending(2, id, "once"));
    gate.reached().await;
    dying.gates.crash();
    gate.open();
    let sent = b.say(2, id, "once").await.unwrap();
    assert!(sent.duplicate);
    assert_eq!((sent.message.seq, sent.message.text()), (Seq::new(2), Some("once")));
    assert_eq!(b.texts(1, id).await.len(), 1);
}

/// A repeat in the middle of a batch takes no position: the others around it are dense and in order.
pub async fn a_repeat_in_the_middle_of_a_batch(store: Arc<dyn Store>) {
    let (a, b) = (Node::new(&store).await, Node::new(&store).await);
    let id = b.group(&[1, 2, 3]).await;
    // While the first is on its way to the store, the others gather into one lane.
    let mut gate = a.gates.before("Log::append");
    let first = a.sending(2, id, "first");
    gate.reached().await;
    let gathered = ["before", "again", "after"].map(|text| a.sending(2, id, text));
    let earlier = b.say(2, id, "again").await.unwrap().message;
    gate.open();
    let mut told = vec![first.await.unwrap().unwrap()];
    for sending in gathered {
        told.push(sending.await.unwrap().unwrap());
    }
    let told: Vec<(u64, bool)> = told.iter().map(|sent| (sent.message.seq.get(), sent.duplicate)).collect();
    assert_eq!(earlier.seq, Seq::new(2));
    assert_eq!(told, [(3, false), (4, false), (2, true), (5, false)]);
    let texts = ["again", "first", "before", "after"].map(|text| Some(text.to_owned()));
    assert_eq!(b.texts(1, id).await, texts);
}

/// A lane that meets a conflict goes first again: no later message of the same connection overtakes it.
pub async fn a_lane_decided_again_keeps_its_place(store: Arc<dyn Store>) {
    let (a, b) = (Node::new(&store).await, Node::new(&store).await);
    let id = b.group(&[1, 2, 3]).await;
    let mut gate = a.gates.before("Log::append");
    let mut sending = vec![a.sending(2, id, "0")];
    gate.reached().await;
    sending.extend((1..10).map(|number| a.sending(2, id, &number.to_string())));
    b.chat.actor(user(1)).remove(id, user(3), None).await.unwrap();
    gate.open();
    let mut seqs = Vec::new();
    for sent in sending {
        seqs.push(sent.await.unwrap().unwrap().message.seq.get());
    }
    assert!(seqs.into_iter().eq(3..13), "acked in the order in which they were sent");
}

/// Somebody leaves a channel by a node that dies before the fence: once he is told that he is out, a node that
/// remembers him takes nothing from him.
pub async fn a_crash_in_the_middle_of_leaving_a_channel(store: Arc<dyn Store>) {
    let (a, dying, b) = (Node::new(&store).await, Node::new(&store).await, Node::new(&store).await);
    let new = NewConversation::channel(client_id("channel")).named("channel");
    let id = b.chat.actor(user(1)).create(new).await.unwrap().value.id;
    a.chat.actor(user(2)).join(id, None).await.unwrap();
    a.say(2, id, "in time").await.unwrap();
    let mut gate = dying.gates.after("Memberships::exit");
    let leaving = dying.chat.actor(user(2));
    tokio::spawn(async move { leaving.leave(id, None).await });
    gate.reached().await;
    dying.gates.crash();
    gate.open();

    assert_eq!(code(&b.chat.actor(user(2)).leave(id, None).await), "forbidden", "he is out already");
    assert_eq!(code(&a.say(2, id, "too late").await), "forbidden");
    assert_eq!(b.texts(1, id).await, [Some("in time".to_owned())]);
}

/// A ban in a channel while the banned one stands before the door: he does not come in.
pub async fn a_tightened_door_overtakes_a_join(store: Arc<dyn Store>) {
    for (round, stop) in
        (1_u64..).zip([Stop::After("Memberships::place"), Stop::Before("Memberships::enter")])
    {
        let [owner, other] = [1, 2].map(|number| round * 10 + number);
        let (a, b) = (Node::new(&store).await, Node::new(&store).await);
        let new = NewConversation::channel(client_id("channel")).named("channel");
        let id: ConversationId = b.chat.actor(user(owner)).create(new).await.unwrap().value.id;
        let mut gate = a.stop(stop);
        let joining = a.chat.actor(user(other));
        let joining = tokio::spawn(async move { joining.join(id, None).await });
        gate.reached().await;
        let policy = crate::command::PolicyPatch { join: Some(crate::Join::Invite), ..Default::default() };
        let update = crate::command::Update { policy, ..Default::default() };
        b.chat.actor(user(owner)).update(id, update, None).await.unwrap();
        gate.open();
        assert_eq!(code(&joining.await.unwrap()), "forbidden", "{stop:?}");
        assert_eq!(b.chat.actor(user(owner)).conversation(id).await.unwrap().member_count, 1);
    }
}

/// A history reply that was read before a deletion and arrives after its event is older by its `rev`: whoever keeps
/// the higher one never shows the text again.
pub async fn a_history_reply_older_than_the_deletion(store: Arc<dyn Store>) {
    let a = Node::new(&store).await;
    a.befriend(1, 2).await;
    let said = a.chat.actor(user(1)).send_to(user(2), draft("top secret")).await.unwrap().message;
    let (id, seq) = (said.conversation, said.seq);
    let mut session = a.chat.open_with(Open::new(user(2))).await.unwrap();
    let mut gate = a.gates.after("Log::messages");
    let reader = a.chat.actor(user(2));
    let reading = tokio::spawn(async move { reader.history(id, None, crate::Limit::MAX).await });
    gate.reached().await;
    a.chat.actor(user(1)).delete(id, seq, None).await.unwrap();
    let deleted = loop {
        if let Event::Entry(entry) = session.next().await.unwrap() {
            break entry.message().cloned().expect("it is about a message");
        }
    };
    gate.open();
    let late = reading.await.unwrap().unwrap().items.remove(0);
    assert_eq!((late.id, late.text()), (deleted.id, Some("top secret")));
    assert_eq!((deleted.text(), late.rev < deleted.rev), (None, true));
}

/// Who sees from his joining on is told of an edit of something older only that there was one.
pub async fn a_late_joiner_and_an_edit_of_an_old_message(store: Arc<dyn Store>) {
    let a = Node::new(&store).await;
    for number in 2..=4 {
        a.befriend(1, number).await;
    }
    let mut new = NewConversation::group(client_id("group"), [user(2), user(3)]);
    new.history = Some(crate::History::FromJoin);
    let owner = a.chat.actor(user(1));
    let id = owner.create(new).await.unwrap().value.id;
    let old = a.say(1, id, "top secret").await.unwrap().message.seq;
    owner.add(id, vec![user(4)], None).await.unwrap();
    owner.edit(id, old, Edit::text("top secret still").unwrap(), None).await.unwrap();
    assert_eq!(a.history(4, id).await, []);
    let seen = a.entries(4, id).await;
    assert_eq!(seen.iter().map(|entry| entry.seq.get()).collect::<Vec<_>>(), [3, 4]);
    assert!(matches!(seen[1].what, What::Bare { .. }));
    assert!(!format!("{seen:?}").contains("top secret"));
}

/// A client that knows more than a restored store, or comes from another life of it, is told to begin anew.
pub async fn a_client_ahead_of_a_restored_store(store: Arc<dyn Store>) {
    let a = Node::new(&store).await;
    a.befriend(1, 2).await;
    let said = a.chat.actor(user(1)).send_to(user(2), draft("hello")).await.unwrap().message;
    let (id, epoch) = (said.conversation, a.chat.epoch());
    let foreign = uuid::Uuid::from_u128(epoch.as_u128() ^ 1);
    for (epoch, seen, is_reset) in [(epoch, 1, false), (epoch, 2, true), (foreign, 1, true)] {
        let session = a.chat.open_with(Open::new(user(2)).resume(Resume::AwaitSync)).await.unwrap();
        let conversations = vec![(id, Seq::new(seen))];
        let request = Sync { epoch: Some(epoch), conversations, ..Sync::default() };
        let reply = session.handle(Command::Sync(request)).await.unwrap();
        let Reply::Synced(synced) = reply else { panic!("a sync is answered as one: {reply:?}") };
        let told = matches!(synced.conversations[0].1, SyncState::Reset(_));
        assert_eq!(told, is_reset, "seen {seen}: {synced:?}");
    }
}
