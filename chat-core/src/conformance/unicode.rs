//! Text and numbers to the letter: nothing folded, trimmed, cut or rounded anywhere.

use std::sync::Arc;

use super::scene::{Build, Scene, at, edit, note, seq, user};
use crate::conversation::Kind;
use crate::id::UserId;
use crate::message::{Patch, Payload};
use crate::store::{ConversationPatch, Effect, MessageRow, Store};

/// Texts that some database somewhere takes for another, or cannot keep.
pub(super) const TEXTS: [&str; 26] = [
    "İstanbul",
    "istanbul",
    "ıstanbul",
    "ISTANBUL",
    "straße",
    "strasse",
    "trailing",
    "trailing ",
    "trailing  ",
    " trailing",
    "é",
    "e\u{301}",
    "Å",
    "A\u{30A}",
    "\u{212B}",
    "раураl",
    "paypal",
    "\u{FB01}",
    "fi",
    "\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467}",
    "\u{1F1E9}\u{1F1EA}",
    "\u{10FFFF}\u{FFFD}\u{FEFF}",
    "line\nbreak\r\n\ttab",
    "'; DROP TABLE chat_messages; -- \\ \" ` $1 ?1 :a %s {}",
    "\u{202E}right to left\u{202C} עברית العربية",
    "null",
];

/// Every text of a message is read back byte for byte, on every path.
pub async fn texts_are_kept_to_the_letter(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let drafts = TEXTS.iter().map(|text| super::scene::message(user(1), text)).collect();
    scene.append(drafts).await;
    let texts = |rows: Vec<MessageRow>| rows.into_iter().map(|row| row.text.unwrap()).collect::<Vec<_>>();
    let entries = scene.entries().await;
    assert_eq!(texts(entries.into_iter().map(|row| row.message.unwrap()).collect()), TEXTS);
    let window = crate::store::Window::After(seq(0));
    let history = scene.log().messages(scene.id, seq(1), window, super::scene::limit(200)).await.unwrap();
    assert_eq!(texts(history.items), TEXTS);
    for (position, text) in (1..).zip(TEXTS.iter().rev()) {
        scene.put(edit(user(1), seq(position), seq(position), text)).await;
        assert_eq!(scene.message(seq(position)).await.unwrap().text.as_deref(), Some(*text));
    }
}

/// A long text, and a long payload of every byte, are not cut.
pub async fn nothing_is_cut(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let text: String = TEXTS.concat().chars().cycle().take(100_000).collect();
    let payload: Payload = (0..=u8::MAX).cycle().take(100_000).collect::<Vec<u8>>().into();
    let effect = Effect::PutMessage { text: Some(text.clone()), payload: Some(payload.clone()) };
    let mut draft = note(user(1)).with(effect);
    draft.payload = Some(payload.clone());
    scene.put(draft).await;
    let entry = scene.entries().await.remove(0);
    assert!(entry.payload.as_ref() == Some(&payload), "the entry's payload");
    let row = entry.message.unwrap();
    assert!(row.text == Some(text), "the text");
    assert!(row.payload == Some(payload), "the payload");
}

/// Names, pictures and metadata of conversations too.
pub async fn records_are_kept_to_the_letter(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    for text in TEXTS {
        let set = || Patch::Set(text.to_owned());
        let patch = ConversationPatch {
            name: set(),
            picture: set(),
            metadata: set(),
            ..ConversationPatch::default()
        };
        scene.put(note(user(1)).with(Effect::SetConversation(patch))).await;
        let record = scene.record().await;
        let kept = [record.name, record.picture, record.metadata];
        assert!(kept.iter().all(|one| one.as_deref() == Some(text)), "{text:?} became {kept:?}");
    }
}

/// Ids of every range, in no order: integers at their bounds, hashed strings, plain UUIDs.
pub(super) fn users_of_ranges() -> Vec<UserId> {
    let uuid = |bits| UserId::from_uuid(uuid::Uuid::from_u128(bits)).unwrap();
    vec![
        UserId::from(0_u64),
        UserId::from(u64::MAX),
        UserId::from(i64::MIN),
        UserId::from(-1_i64),
        UserId::from_external("straße"),
        UserId::from_external("strasse"),
        uuid(1),
        uuid(u128::MAX),
        uuid(1 << 127),
        uuid((1 << 127) - 1),
    ]
}

/// Ids of every range are ids; lists go by their bytes.
pub async fn users_of_every_range(store: Arc<dyn Store>) {
    let mut users = users_of_ranges();
    let scene = Scene::shell(&store, Kind::Group).await;
    let draft = users.iter().fold(note(user(1)), |draft, &user| {
        draft.with(super::scene::member(user, crate::conversation::Role::Member))
    });
    scene.put(draft).await;
    users.sort_unstable();
    let mut listed: Vec<UserId> = Vec::new();
    loop {
        let page = store.talk().memberships().list(scene.id, listed.last().copied(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        listed.extend(page.into_iter().map(|row| row.user));
    }
    assert_eq!(listed, users);
    for &user in &users {
        let place = scene.put(super::scene::message(user, "a")).await;
        assert_eq!(scene.message(place.seq).await.unwrap().sender, user);
    }
}

/// Times are whole milliseconds from one end of 64 bits to the other.
pub async fn times_are_exact(store: Arc<dyn Store>) {
    let times = [i64::MIN, -(1 << 53) - 1, -1, 0, 1, (1 << 53) + 1, 1_700_000_000_123, i64::MAX];
    for millis in times {
        let scene = Scene::direct(&store, 1, 2).await;
        let other = Scene::shell(&scene.store, Kind::Group).await;
        let place = other.put(super::scene::message(user(1), "a").on(at(millis))).await;
        let expected = at(millis.max(1_000));
        assert_eq!(place.at, expected);
        assert_eq!(other.message(place.seq).await.unwrap().at, expected);
        assert_eq!(other.entries().await[0].at, expected);
    }
}
