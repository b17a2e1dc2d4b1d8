//! Who is where: reading rows, seats and positions; entering, leaving and hiding.

use std::sync::Arc;

use super::scene::{
    Build, Scene, assert_conflict, at, banned, gone, limit, member, message, note, seq, some_uuid, user,
};
use crate::conversation::{History, Kind, Membership, Role, Standing};
use crate::id::{ConversationId, Seq, UserId};
use crate::store::{
    ClosedBy, ConversationPatch, Effect, Enter, Memberships, Place, Position, SeatQuery, Store,
};

fn memberships(store: &Arc<dyn Store>) -> &dyn Memberships {
    store.talk().memberships()
}

async fn enter(scene: &Scene, number: u64) -> Enter {
    let acl = scene.record().await.acl;
    Enter { conversation: scene.id, user: user(number), role: Role::Member, acl, at: at(5_000) }
}

async fn positions(store: &Arc<dyn Store>, number: u64) -> Vec<ConversationId> {
    let positions = memberships(store).positions(user(number)).await.unwrap();
    positions.into_iter().map(|position| position.conversation).collect()
}

async fn listed(
    store: &Arc<dyn Store>,
    number: u64,
    after: Option<ConversationId>,
    items: u64,
) -> Vec<ConversationId> {
    let query = SeatQuery::Listed { after, limit: limit(items) };
    let seats = memberships(store).seats(user(number), query).await.unwrap();
    seats.into_iter().map(|seat| seat.conversation.id).collect()
}

async fn close(scene: &Scene) {
    let closed = ConversationPatch { closed: ClosedBy::ThisEntry, ..ConversationPatch::default() };
    scene.put(note(user(1)).with(Effect::SetConversation(closed))).await;
}

/// Rows come in the order asked, banned ones included, absent where there is none.
pub async fn rows_come_in_the_order_asked(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2, 3]).await;
    scene.put(note(user(1)).with(banned(user(3)))).await;
    let found = memberships(&store).of(scene.id, &[3, 9, 1, 3].map(user)).await.unwrap();
    let found: Vec<Option<(UserId, Standing)>> =
        found.into_iter().map(|row| row.map(|row| (row.user, row.standing))).collect();
    let banned = Some((user(3), Standing::Banned));
    assert_eq!(found, [banned, None, Some((user(1), Standing::Member(Role::Owner))), banned]);
    assert_eq!(memberships(&store).of(scene.id, &[]).await.unwrap(), []);
    let absent = ConversationId::from(some_uuid());
    assert_eq!(memberships(&store).of(absent, &[user(1)]).await.unwrap(), [None]);
}

/// A place is what the conversation and the row are by themselves, whether there is a row, who is banned, and whether
/// the conversation is closed.
pub async fn a_place_is_a_conversation_with_a_row(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2, 3]).await;
    scene.put(note(user(1)).with(banned(user(3)))).await;
    scene.say(1, "a").await;
    scene.raise(2, 3, 3).await.unwrap();
    let assert_places = async || {
        for number in [1, 2, 3, 9] {
            let place = memberships(&store).place(scene.id, user(number)).await.unwrap().unwrap();
            let row = memberships(&store).of(scene.id, &[user(number)]).await.unwrap().remove(0);
            assert_eq!(place, Place { conversation: scene.record().await, membership: row });
        }
        let system = memberships(&store).place(scene.id, UserId::SYSTEM).await.unwrap().unwrap();
        assert_eq!(system.membership, None);
    };
    assert_places().await;
    close(&scene).await;
    assert_places().await;
    let absent = ConversationId::from(some_uuid());
    assert_eq!(memberships(&store).place(absent, user(1)).await.unwrap(), None);
}

/// Members are listed by id without the banned, at most as many as asked, after a key.
pub async fn members_are_pages_by_id(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[8, 2, 6, 4]).await;
    scene
        .append(vec![note(user(8)).with(banned(user(6))), note(user(8)).with(member(user(10), Role::Admin))])
        .await;
    for (after, items, expected) in [
        (None, 10, &[2, 4, 8, 10][..]),
        (None, 2, &[2, 4]),
        (Some(4), 2, &[8, 10]),
        (Some(6), 1, &[8]),
        (Some(10), 5, &[]),
    ] {
        let rows = memberships(&store).list(scene.id, after.map(user), items).await.unwrap();
        let rows: Vec<UserId> = rows.into_iter().map(|row| row.user).collect();
        assert_eq!(rows, expected.iter().copied().map(user).collect::<Vec<_>>(), "after {after:?}");
    }
    assert_eq!(memberships(&store).list(ConversationId::from(some_uuid()), None, 10).await.unwrap(), []);
}

/// Members walked in pages while others come and go: each that was there throughout is seen exactly once.
pub async fn members_walked_while_others_come(store: Arc<dyn Store>) {
    let staying: Vec<u64> = (1..=40).map(|number| number * 10).collect();
    let scene = Scene::group(&store, &staying).await;
    let writer = tokio::spawn({
        let scene = scene.clone();
        async move {
            for number in 0..60 {
                scene.put(note(user(10)).with(member(user(5 + number * 7 % 400), Role::Admin))).await;
            }
        }
    });
    let mut seen: Vec<UserId> = Vec::new();
    loop {
        let page = memberships(&store).list(scene.id, seen.last().copied(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.iter().map(|row| row.user));
    }
    writer.await.unwrap();
    assert!(seen.is_sorted_by(|a, b| a < b), "in order, none twice");
    seen.retain(|seen| staying.iter().any(|&number| user(number) == *seen));
    assert_eq!(seen, staying.into_iter().map(user).collect::<Vec<_>>());
}

/// Positions tell every conversation one is a member of, by id: shells and hidden ones too, closed ones and bans not.
pub async fn positions_tell_all_memberships(store: Arc<dyn Store>) {
    let shell = Scene::direct(&store, 1, 2).await;
    let (group, closed, ban) = (
        Scene::group(&store, &[3, 1]).await,
        Scene::group(&store, &[1]).await,
        Scene::group(&store, &[3, 1]).await,
    );
    let hidden = Scene::direct(&store, 1, 3).await;
    hidden.say(3, "a").await;
    assert!(memberships(&store).hide(hidden.id, user(1)).await.unwrap());
    close(&closed).await;
    ban.put(note(user(3)).with(banned(user(1)))).await;
    Scene::group(&store, &[2, 3]).await;
    let mut expected = vec![
        Position {
            conversation: shell.id,
            kind: Kind::Direct,
            head: Seq::ZERO,
            visible_from: seq(1),
            member_count: 2,
        },
        Position {
            conversation: group.id,
            kind: Kind::Group,
            head: seq(1),
            visible_from: seq(1),
            member_count: 2,
        },
        Position {
            conversation: hidden.id,
            kind: Kind::Direct,
            head: seq(1),
            visible_from: seq(2),
            member_count: 2,
        },
    ];
    expected.sort_unstable_by_key(|position| position.conversation);
    assert_eq!(memberships(&store).positions(user(1)).await.unwrap(), expected);
    assert_eq!(positions(&store, 9).await, []);
}

/// Seats asked by name come in that order: hidden, closed and banned ones too, those without a row left out.
pub async fn seats_asked_by_name(store: Arc<dyn Store>) {
    let shell = Scene::direct(&store, 1, 2).await;
    let (closed, ban, foreign) = (
        Scene::group(&store, &[1]).await,
        Scene::group(&store, &[3, 1]).await,
        Scene::group(&store, &[3]).await,
    );
    close(&closed).await;
    ban.put(note(user(3)).with(banned(user(1)))).await;
    let asked = [ban.id, foreign.id, closed.id, ConversationId::from(some_uuid()), shell.id];
    let seats = memberships(&store).seats(user(1), SeatQuery::These(&asked)).await.unwrap();
    for (seat, scene) in seats.iter().zip([&ban, &closed, &shell]) {
        assert_eq!(seat.conversation, scene.record().await);
        assert_eq!(Some(&seat.membership), scene.row(1).await.as_ref());
        assert!(!seat.is_listed());
    }
    assert_eq!(seats.len(), 3);
    assert_eq!(memberships(&store).seats(user(1), SeatQuery::These(&[])).await.unwrap(), []);
}

/// Listed seats are pages by conversation id, one more than the limit; shells, hidden, closed and banned ones are in
/// none.
pub async fn listed_seats_are_pages(store: Arc<dyn Store>) {
    let mut ids = Vec::new();
    for number in 2..6 {
        let scene = Scene::direct(&store, 1, number).await;
        scene.say(number, "a").await;
        ids.push(scene.id);
    }
    ids.push(Scene::group(&store, &[2, 1]).await.id);
    Scene::direct(&store, 1, 8).await;
    let (hidden, closed, ban) = (
        Scene::direct(&store, 1, 9).await,
        Scene::group(&store, &[1]).await,
        Scene::group(&store, &[3, 1]).await,
    );
    hidden.say(9, "a").await;
    memberships(&store).hide(hidden.id, user(1)).await.unwrap();
    close(&closed).await;
    ban.put(note(user(3)).with(banned(user(1)))).await;
    ids.sort_unstable();
    assert_eq!(listed(&store, 1, None, 200).await, ids);
    assert_eq!(listed(&store, 1, None, 2).await, ids[..3]);
    assert_eq!(listed(&store, 1, Some(ids[2]), 2).await, ids[3..]);
    assert_eq!(listed(&store, 1, Some(ids[4]), 2).await, []);
    assert_eq!(
        memberships(&store).counts(&[user(1), user(9), user(2)]).await.unwrap(),
        [1, 0, 1],
        "direct ones left out"
    );
    assert!(memberships(&store).counts(&[]).await.unwrap().is_empty());
}

/// Seats walked in pages while others are made: each that was there throughout is seen exactly once.
pub async fn seats_walked_while_others_come(store: Arc<dyn Store>) {
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(Scene::group(&store, &[1]).await.id);
    }
    ids.sort_unstable();
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for number in 100..140 {
                Scene::direct(&store, 1, number).await.say(number, "a").await;
            }
        }
    });
    let mut seen: Vec<ConversationId> = Vec::new();
    loop {
        let page = listed(&store, 1, seen.last().copied(), 2).await;
        let is_last = page.len() <= 2;
        seen.extend(page.into_iter().take(2));
        if is_last {
            break;
        }
    }
    writer.await.unwrap();
    assert!(seen.is_sorted_by(|a, b| a < b), "in order, none twice");
    seen.retain(|id| ids.binary_search(id).is_ok());
    assert_eq!(seen, ids);
}

/// A hidden direct conversation is gone from one's list alone, everything read, until the next message.
pub async fn hiding_lasts_until_the_next_message(store: Arc<dyn Store>) {
    let scene = Scene::direct(&store, 1, 2).await;
    assert!(!memberships(&store).hide(scene.id, user(1)).await.unwrap(), "a shell is not visible");
    scene.say_many(2, 3).await;
    let other = scene.row(2).await;
    assert!(memberships(&store).hide(scene.id, user(1)).await.unwrap());
    let row = scene.row(1).await.unwrap();
    assert_eq!((row.visible_from, row.read, row.delivered, row.read_n), (seq(4), seq(3), seq(3), 3));
    assert!(!memberships(&store).hide(scene.id, user(1)).await.unwrap(), "it was hidden already");
    assert_eq!(scene.row(1).await, Some(row));
    assert_eq!(
        (listed(&store, 1, None, 5).await, listed(&store, 2, None, 5).await),
        (vec![], vec![scene.id])
    );
    assert_eq!(scene.row(2).await, other);
    scene.say(2, "again").await;
    assert_eq!((listed(&store, 1, None, 5).await, scene.unread(1).await), (vec![scene.id], 1));
    assert_eq!(scene.row(1).await.unwrap().visible_from, seq(4));
}

/// Who is no member hides nothing.
pub async fn only_a_member_hides(store: Arc<dyn Store>) {
    let scene = Scene::direct(&store, 1, 2).await;
    scene.say(1, "a").await;
    let before = scene.everything().await;
    assert!(!memberships(&store).hide(scene.id, user(3)).await.unwrap());
    assert!(!memberships(&store).hide(ConversationId::from(some_uuid()), user(1)).await.unwrap());
    assert_eq!(scene.everything().await, before);
}

/// Who enters sees all or from now on, as the settings say; everything before is read; there is no entry of it.
pub async fn entering_makes_a_row(store: Arc<dyn Store>) {
    for (history, visible_from) in [(History::All, 1), (History::FromJoin, 4)] {
        let scene = Scene::shell(&store, Kind::Channel).await;
        let settings =
            crate::conversation::Settings { history, ..crate::conversation::Settings::of(Kind::Channel) };
        let patch = ConversationPatch { settings: Some(settings), ..ConversationPatch::default() };
        scene
            .append(vec![
                note(user(1)).with(Effect::SetConversation(patch)),
                message(user(1), "a"),
                message(user(1), "b"),
            ])
            .await;
        let before = scene.record().await;
        let entering = Enter { role: Role::Admin, ..enter(&scene, 2).await };
        assert!(memberships(&store).enter(&entering).await.unwrap());
        let standing = Standing::Member(Role::Admin);
        let mut row = Membership::new(scene.id, user(2), standing, seq(visible_from), at(5_000));
        (row.read, row.delivered, row.read_n) = (seq(3), seq(3), 2);
        assert_eq!(scene.row(2).await, Some(row));
        let after = crate::conversation::Conversation { member_count: 1, ..before };
        assert_eq!(scene.record().await, after, "only the count has moved");
        assert_eq!(scene.unread(2).await, 0);
        scene.say(1, "c").await;
        assert_eq!(scene.unread(2).await, 1);
    }
}

/// A member who enters again stays what he is.
pub async fn entering_twice_changes_nothing(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Channel).await;
    let entering = enter(&scene, 2).await;
    assert!(memberships(&store).enter(&entering).await.unwrap());
    let before = scene.row(2).await;
    scene.say(1, "a").await;
    let again = Enter { role: Role::Owner, at: at(9_000), ..entering };
    assert!(!memberships(&store).enter(&again).await.unwrap());
    assert_eq!((scene.row(2).await, scene.record().await.member_count), (before, 1));
}

/// Entering is refused at another `acl`, to the banned, and where nothing is or nothing is open any more.
pub async fn entering_is_compared(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Channel).await;
    let stale = enter(&scene, 2).await;
    store.talk().conversations().fence(scene.id).await.unwrap();
    assert_conflict(memberships(&store).enter(&stale).await);
    assert_conflict(memberships(&store).enter(&Enter { acl: 2, ..stale }).await);
    scene.put(note(user(1)).with(banned(user(3)))).await;
    assert_conflict(memberships(&store).enter(&enter(&scene, 3).await).await);
    let absent = Enter { conversation: ConversationId::from(some_uuid()), ..stale };
    assert_conflict(memberships(&store).enter(&absent).await);
    let fresh = enter(&scene, 2).await;
    assert!(memberships(&store).enter(&fresh).await.unwrap());
    assert_conflict(memberships(&store).enter(&stale).await);
    close(&scene).await;
    assert_conflict(memberships(&store).enter(&enter(&scene, 4).await).await);
    assert_eq!(scene.record().await.member_count, 1);
}

/// Leaving takes the row of a member and of nobody else, and raises `acl` with it, without an entry or `roster`.
pub async fn leaving_takes_the_row(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Channel).await;
    scene.put(note(user(1)).with(banned(user(3)))).await;
    let mut expected = scene.record().await;
    expected.acl += 1;
    memberships(&store).enter(&enter(&scene, 2).await).await.unwrap();
    let exit = |number| memberships(&store).exit(scene.id, user(number));
    assert!(exit(2).await.unwrap());
    assert!(!exit(2).await.unwrap());
    assert!(!exit(3).await.unwrap());
    assert!(!exit(4).await.unwrap());
    assert!(!memberships(&store).exit(ConversationId::from(some_uuid()), user(2)).await.unwrap());
    assert_eq!(scene.row(2).await, None);
    assert_eq!(scene.row(3).await.map(|row| row.standing), Some(Standing::Banned));
    assert_eq!((scene.record().await, positions(&store, 2).await), (expected, vec![]));
    assert!(memberships(&store).enter(&enter(&scene, 2).await).await.unwrap(), "and may come back");
}

/// A removed member's seat is gone from every list.
pub async fn who_is_removed_has_no_seat(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    assert_eq!(
        (listed(&store, 2, None, 5).await, positions(&store, 2).await),
        (vec![scene.id], vec![scene.id])
    );
    scene.put(note(user(1)).with(gone(user(2)))).await;
    assert_eq!((listed(&store, 2, None, 5).await, positions(&store, 2).await), (vec![], vec![]));
    assert_eq!(memberships(&store).counts(&[user(2), user(1)]).await.unwrap(), [0, 1]);
}
