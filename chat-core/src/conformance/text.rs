//! Text that looks alike: what a database with a language in mind takes for equal, and is not. Uniqueness, equality,
//! beginnings and order all go by bytes.

use std::sync::Arc;

use super::accounts::{account, accounts, claim, found, username, words};
use super::scene::{Build, Scene, appended, at, message, note, seq, user};
use super::sessions::{login, sessions};
use super::unicode::TEXTS;
use crate::id::{Seq, UserId};
use crate::message::Patch;
use crate::store::{
    Account, Claim, ClaimKind, Claims, ConversationPatch, Effect, Outcome, PasswordHash, RefreshState,
    SessionRow, Store,
};

/// Words that differ, each of which some collation somewhere takes for another one here: dotted and dotless i, sharp
/// s, composed and decomposed, blanks of every kind at either end, signs without width, compatibility forms, kana,
/// everything beyond 16 bits, and what is no character at all.
const ALIKE: [&str; 56] = [
    "i",
    "I",
    "\u{130}",
    "\u{131}",
    "i\u{307}",
    "ß",
    "\u{1E9E}",
    "ss",
    "SS",
    "e",
    "é",
    "É",
    "e\u{301}",
    "\u{C5}",
    "\u{212B}",
    "A\u{30A}",
    "a",
    "a ",
    "a  ",
    " a",
    "a\u{A0}",
    "a\t",
    "a\n",
    "a\u{200B}",
    "a\u{AD}",
    "a\u{FEFF}",
    "\u{FEFF}a",
    "a\u{200D}",
    "\u{200F}a",
    "a\u{200F}",
    "\u{202E}a",
    "k",
    "K",
    "\u{212A}",
    "σ",
    "ς",
    "Σ",
    "fi",
    "\u{FB01}",
    "ア",
    "あ",
    "\u{FF71}",
    "1",
    "\u{FF11}",
    "\u{B9}",
    "\u{1F44D}",
    "\u{1F44E}",
    "\u{1F44D}\u{1F3FD}",
    "\u{D7FF}",
    "\u{E000}",
    "\u{FFFE}",
    "\u{FFFF}",
    "\u{10000}",
    "\u{10FFFF}",
    "%",
    "_",
];

/// One account for each, which claims it and is found by it.
async fn create_all(store: &Arc<dyn Store>, all: &[&str]) {
    for (number, text) in (1..).zip(all) {
        let claims = Claims { words: words(&[text]), ..username(text) };
        accounts(store).create(&account(number, text), &claims).await.unwrap();
    }
}

/// Each can be claimed beside all the others, belongs to who claimed it, and its account bears it to the letter.
pub async fn claims_that_look_alike(store: Arc<dyn Store>) {
    create_all(&store, &ALIKE).await;
    let asked: Vec<Claim> = ALIKE.iter().map(|text| claim(ClaimKind::Username, text)).collect();
    let owners: Vec<Option<UserId>> = (1..).map(|number| Some(user(number))).take(ALIKE.len()).collect();
    assert_eq!(accounts(&store).claimed(&asked).await.unwrap(), owners);
    let users: Vec<UserId> = owners.into_iter().flatten().collect();
    let there = accounts(&store).load(&users).await.unwrap();
    assert!(there.into_iter().map(|account| account.unwrap().username).eq(ALIKE));
}

/// Each is found by what it begins with, byte by byte, and by nothing that only looks so.
pub async fn words_that_look_alike(store: Arc<dyn Store>) {
    create_all(&store, &ALIKE).await;
    for query in ALIKE {
        let alike = (1..).zip(ALIKE).filter(|(_, word)| word.starts_with(query));
        let expected: Vec<UserId> = alike.map(|(number, _)| user(number)).collect();
        assert_eq!(found(&store, &[query]).await, expected, "{query:?}");
    }
}

/// A beginning ends where its last character ends, at every bound of the encoding and of Unicode itself: what comes
/// after all that begins so does not.
pub async fn beginnings_end_at_characters(store: Arc<dyn Store>) {
    const LAST: [&str; 6] = ["\u{7F}", "\u{7FF}", "\u{D7FF}", "\u{FFFF}", "\u{FFFFF}", "\u{10FFFF}"];
    const NEXT: [&str; 6] = ["\u{80}", "\u{800}", "\u{E000}", "\u{10000}", "\u{100000}", "b"];
    let mut all = vec!["b".to_owned(), "\u{10FFFF}\u{10FFFF}".to_owned()];
    for (last, next) in LAST.into_iter().zip(NEXT) {
        all.extend([format!("a{last}"), format!("a{last}\u{10FFFF}z"), format!("a{next}")]);
    }
    all.sort_unstable();
    all.dedup();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    create_all(&store, &all).await;
    for query in LAST.map(|last| format!("a{last}")).iter().map(String::as_str).chain(["a", "\u{10FFFF}"]) {
        let begun = (1..).zip(&all).filter(|(_, word)| word.starts_with(query));
        let expected: Vec<UserId> = begun.map(|(number, _)| user(number)).collect();
        assert_eq!(found(&store, &[query]).await, expected, "{query:?}");
    }
}

/// Each is a mark of its own, taken away alone; they come ordered by the bytes of their keys.
pub async fn marks_that_look_alike(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let target = scene.say(1, "a").await;
    let key = str::to_owned;
    let puts = ALIKE.map(|text| Effect::PutMark { target, key: key(text), by: user(1) });
    scene.put(puts.into_iter().fold(note(user(1)), Build::with)).await;
    let mut sorted = ALIKE.to_vec();
    sorted.sort_unstable();
    assert_eq!(keys(&scene, target).await, sorted);
    let drops = sorted.iter().step_by(2).map(|text| Effect::DropMark { target, key: key(text), by: user(1) });
    scene.put(drops.fold(note(user(1)), Build::with)).await;
    let left: Vec<&str> = sorted.into_iter().skip(1).step_by(2).collect();
    assert_eq!(keys(&scene, target).await, left);
}

async fn keys(scene: &Scene, target: Seq) -> Vec<String> {
    let marks = scene.log().marks(scene.id, &[target]).await.unwrap();
    marks.into_iter().map(|mark| mark.key).collect()
}

/// Every visible character of ASCII is a `client_id` of its own, and so are the longest and what it begins with.
pub async fn client_ids_that_look_alike(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, crate::conversation::Kind::Group).await;
    let mut ids: Vec<String> = ('!'..='~').map(String::from).collect();
    ids.extend(["x".repeat(63), "x".repeat(64), "X".repeat(64), format!("{}y", "x".repeat(63))]);
    let drafts = || ids.iter().map(|id| message(user(1), id).under(id)).collect();
    let first: Vec<Seq> = scene.append(drafts()).await.iter().map(|one| appended(one).seq).collect();
    let repeats: Vec<Outcome> =
        first.iter().map(|&seq| Outcome::Repeat { seq, digest: Some([0; 16]) }).collect();
    assert_eq!(scene.append(drafts()).await, repeats);
    for (id, repeat) in ids.iter().zip(repeats).step_by(9) {
        let client_id = message(user(1), "").under(id).client_id;
        assert_eq!(scene.log().find(scene.id, user(1), &client_id).await.unwrap(), Some(repeat), "{id}");
    }
    let kept = scene.entries().await.into_iter().map(|row| row.client_id.as_str().to_owned());
    assert!(kept.eq(ids));
}

/// Accounts and logins hold every text to the letter, in each of their fields.
pub async fn people_are_kept_to_the_letter(store: Arc<dyn Store>) {
    let all: Vec<&str> = TEXTS.iter().chain(&ALIKE).copied().collect();
    let mut made: Vec<(Account, SessionRow)> = Vec::new();
    for (number, text) in (1..).zip(&all) {
        let own = || Some((*text).to_owned());
        let mut account = account(number, text);
        account.password = PasswordHash((*text).to_owned());
        (account.full_name, account.email, account.picture, account.bio) = (own(), own(), own(), own());
        accounts(&store).create(&account, &Claims::default()).await.unwrap();
        let mut login = login(number, 1_000);
        login.device = (*text).to_owned();
        login.refresh = RefreshState { key_id: (*text).to_owned(), ..login.refresh };
        sessions(&store).create(&login, 1).await.unwrap();
        made.push((account, login));
    }
    let users: Vec<UserId> = made.iter().map(|(account, _)| account.user).collect();
    let ids: Vec<_> = made.iter().map(|(_, login)| login.id).collect();
    let kept = accounts(&store).load(&users).await.unwrap().into_iter().flatten();
    let logins = sessions(&store).load(&ids).await.unwrap().into_iter().flatten();
    for ((account, login), (kept, row)) in made.into_iter().zip(kept.zip(logins)) {
        assert_eq!((kept, row), (account, login));
    }
}

/// What is empty is there, and what is absent is not.
pub async fn empty_is_not_absent(store: Arc<dyn Store>) {
    let mut empty = account(1, "");
    let own = || Some(String::new());
    (empty.full_name, empty.email, empty.picture, empty.bio) = (own(), own(), own(), own());
    empty.password = PasswordHash(String::new());
    let claims = Claims { words: words(&[""]), ..username("") };
    accounts(&store).create(&empty, &claims).await.unwrap();
    let absent = account(2, "");
    accounts(&store).create(&absent, &Claims::default()).await.unwrap();
    assert_eq!(accounts(&store).load(&[user(1), user(2)]).await.unwrap(), [Some(empty), Some(absent)]);
    assert_eq!(accounts(&store).claimed(&claims.take).await.unwrap(), [Some(user(1))]);

    let scene = Scene::group(&store, &[1]).await;
    for set in [Patch::Set(String::new()), Patch::Clear, Patch::Keep, Patch::Set(String::new())] {
        let before = scene.record().await;
        let (name, picture, metadata) = (set.clone(), set.clone(), set.clone());
        let patch = ConversationPatch { name, picture, metadata, ..ConversationPatch::default() };
        scene.put(note(user(1)).with(Effect::SetConversation(patch))).await;
        let record = scene.record().await;
        let expected = [before.name, before.picture, before.metadata].map(|was| set.clone().apply(was));
        assert_eq!([record.name, record.picture, record.metadata], expected, "{set:?}");
    }
    let target = scene.say(1, "").await;
    let mark = Effect::PutMark { target, key: String::new(), by: user(1) };
    scene.put(note(user(1)).with(mark).on(at(2_000))).await;
    assert_eq!(keys(&scene, target).await, [""]);
    assert_eq!(scene.message(seq(target.get())).await.unwrap().text.as_deref(), Some(""));
}
