//! Two engines over one database, as two processes of a cluster are: whatever each does, both come to see the same.

use std::sync::Arc;

use super::fixture::Database;
use super::node::{Node, client_id, code, direct, draft};
use super::scene::{race, user};
use crate::delivery::{Open, Session};
use crate::event::Event;
use crate::id::{ConversationId, Seq, Tenant};
use crate::message::{Edit, Entry, What};
use crate::{Limit, Role};

/// Two nodes, each with a store value of its own.
async fn two(database: &Arc<dyn Database>) -> [Node; 2] {
    let node = async || Node::new(&database.store(Tenant::default())).await;
    [node().await, node().await]
}

/// What everybody sees of a conversation is the same on both, and dense.
async fn assert_same(nodes: &[Node; 2], people: &[u64], id: ConversationId) -> Vec<Entry> {
    let mut all = Vec::new();
    for &number in people {
        for node in nodes {
            let history = node.history(number, id).await;
            all.push((node.entries(number, id).await, history));
        }
    }
    let (entries, history) = all.pop().unwrap();
    assert!(all.into_iter().all(|one| one == (entries.clone(), history.clone())));
    assert!(entries.iter().map(|entry| entry.seq.get()).eq(1..=entries.len() as u64), "dense");
    entries
}

/// Everybody talks on both nodes at once, repeats himself on the other, edits and deletes: each thing once, in the
/// order of who said it, the same for all.
pub async fn talk_on_both(database: Arc<dyn Database>) {
    let nodes = two(&database).await;
    let id = nodes[0].group(&[1, 2, 3]).await;
    race(6, |number| {
        let [here, there] = [&nodes[number % 2], &nodes[1 - number % 2]].map(|node| node.chat.clone());
        let by = user(1 + number as u64 / 2);
        async move {
            for round in 0..4 {
                let text = format!("{number} {round}");
                let said = here.actor(by).send(id, draft(&text)).await.unwrap();
                let again = there.actor(by).send(id, draft(&text)).await.unwrap();
                assert_eq!((said.message.seq, again.duplicate), (again.message.seq, true));
                let seq = said.message.seq;
                match round {
                    1 => {
                        let edit = Edit::text(format!("{text} edited")).unwrap();
                        there.actor(by).edit(id, seq, edit, None).await.unwrap();
                    }
                    2 => drop(there.actor(by).delete(id, seq, None).await.unwrap()),
                    _ => {}
                }
            }
        }
    })
    .await;
    let entries = assert_same(&nodes, &[1, 2, 3], id).await;
    assert_eq!(entries.len(), 1 + 6 * 6);
    let mut texts = nodes[0].texts(2, id).await;
    texts.sort_unstable();
    let mut expected: Vec<Option<String>> = vec![None; 6];
    expected
        .extend((0..6).flat_map(|number| ["0", "1 edited", "3"].map(|end| Some(format!("{number} {end}")))));
    expected.sort_unstable();
    assert_eq!(texts, expected);
}

/// Members come, go and change on both nodes at once: both list the same, there is an owner, and who was removed on
/// one is outside on the other.
pub async fn members_on_both(database: Arc<dyn Database>) {
    let nodes = two(&database).await;
    let id = nodes[0].group(&[1, 2, 3]).await;
    for other in 4..=9 {
        nodes[0].befriend(1, other).await;
    }
    nodes[1].chat.actor(user(1)).set_role(id, user(2), Role::Owner, None).await.unwrap();
    race(6, |number| {
        let chat = nodes[number % 2].chat.clone();
        async move {
            let owner = chat.actor(user(1));
            let other = user(4 + number as u64);
            owner.add(id, vec![other], None).await.unwrap();
            match number {
                0 | 1 => drop(owner.remove(id, other, None).await.unwrap()),
                2 | 3 => drop(owner.set_role(id, other, Role::Admin, None).await.unwrap()),
                _ => drop(chat.actor(other).send(id, draft("here")).await.unwrap()),
            }
        }
    })
    .await;
    // Both owners leave, each on another node.
    let [one, two] = [(0, 1), (1, 2)].map(|(node, who): (usize, u64)| nodes[node].chat.actor(user(who)));
    let (first, second) = tokio::join!(one.leave(id, None), two.leave(id, None));
    first.and(second).unwrap();
    let mut listed = Vec::new();
    for node in &nodes {
        let members = node.chat.actor(user(3)).members(id, None, Limit::MAX).await.unwrap().items;
        listed.push(members.into_iter().map(|member| (member.user.id, member.role)).collect::<Vec<_>>());
        for (outside, text) in [(1, "a"), (2, "b"), (4, "c"), (5, "d")] {
            assert_eq!(code(&node.say(outside, id, text).await), "not_found", "{outside}");
        }
    }
    assert!(listed[0].iter().map(|(who, _)| *who).eq([3, 6, 7, 8, 9].map(user)));
    assert_eq!(listed[0].iter().filter(|(_, role)| *role == Role::Owner).count(), 1, "{listed:?}");
    assert_eq!(listed[0], listed[1]);
    assert_same(&nodes, &[3], id).await;
}

/// A block on one node is in force on the other when it is acked, however often the two have just talked there.
pub async fn a_block_on_the_other(database: Arc<dyn Database>) {
    let nodes = two(&database).await;
    nodes[0].befriend(1, 2).await;
    let id = direct(&database.store(Tenant::default()), 1, 2);
    nodes[1].chat.actor(user(2)).send_to(user(1), draft("in time")).await.unwrap();
    for round in 0..3 {
        nodes[0].chat.actor(user(1)).block(user(2)).await.unwrap();
        let refused = nodes[1].say(2, id, &format!("too late {round}")).await;
        assert_eq!(code(&refused), "not_accepted");
        nodes[1].chat.actor(user(1)).unblock(user(2)).await.unwrap();
        nodes[round % 2].befriend(1, 2).await;
        nodes[1].say(2, id, &format!("again {round}")).await.unwrap();
        assert_eq!(nodes[0].texts(1, id).await.len(), 2 + round);
    }
    assert_same(&nodes, &[1, 2], id).await;
}

/// A device on each node is told all that happens on either, in order, without a hole, though no notice crosses.
pub async fn devices_on_both(database: Arc<dyn Database>) {
    let nodes = two(&database).await;
    let id = nodes[0].group(&[1, 2, 3]).await;
    let [mut here, mut there] = [
        nodes[0].chat.open_with(Open::new(user(1))).await,
        nodes[1].chat.open_with(Open::new(user(2))).await,
    ]
    .map(Result::unwrap);
    race(4, |number| {
        let actor = nodes[number % 2].chat.actor(user(1 + number as u64 / 2));
        async move {
            for round in 0..3 {
                actor.send(id, draft(&format!("{number} {round}"))).await.unwrap();
            }
        }
    })
    .await;
    let last = nodes[0].chat.actor(user(1)).conversation(id).await.unwrap().head;
    let expected: Vec<Seq> = (2..=last.get()).map(Seq::new).collect();
    for (node, device) in nodes.iter().zip([&mut here, &mut there]) {
        node.chat.catch_up_now().await.unwrap();
        assert_eq!(told(device, id, last).await, expected);
    }
    let gone = nodes[1].chat.actor(user(1)).close(id, Some(client_id("close"))).await;
    gone.unwrap();
    nodes[0].chat.catch_up_now().await.unwrap();
    let entry = loop {
        if let Event::Entry(entry) = here.next().await.unwrap() {
            break entry;
        }
    };
    assert!(matches!(entry.what, What::Closed), "{:?}", entry.what);
}

/// The positions a device is told of a conversation, up to `last`.
async fn told(device: &mut Session, id: ConversationId, last: Seq) -> Vec<Seq> {
    let mut told = Vec::new();
    while told.last() != Some(&last) {
        if let Event::Entry(entry) = device.next().await.unwrap()
            && entry.conversation == id
        {
            told.push(entry.seq);
        }
    }
    told
}
