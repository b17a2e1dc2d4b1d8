//! A small world of one tenant, everything that can be done in it, and everything that can be seen of it.

use std::sync::Arc;

use chat_core::conversation::{History, Kind, Role, Settings, Standing};
use chat_core::friendship::{Friendship, State};
use chat_core::id::{ConversationId, EntryId, Pair, Seq, SessionId, Side, Tenant, UserId};
use chat_core::message::{ClientId, Patch, kind};
use chat_core::page::Limit;
use chat_core::receipt::Receipt;
use chat_core::store::{
    Account, After, Claim, ClaimKind, Claims, ConversationPatch, DraftEntry, Effect, Enter, Expected,
    FriendFilter, Lane, NewSession, PasswordHash, PutPair, Raise, RefreshState, Rotate, SeatQuery,
    SessionRow, Shell, Store, StoreError, Window,
};
use chat_core::time::Timestamp;
use uuid::Uuid;

/// Users of the scene.
const USERS: u64 = 5;

/// Where everything happens.
pub(crate) struct Scene {
    group: ConversationId,
    channel: ConversationId,
    direct: ConversationId,
}

/// What can be done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    Say,
    SayMany,
    Edit,
    Delete,
    Mark,
    Unmark,
    Join,
    Remove,
    Ban,
    Promote,
    Rename,
    JoinAndSay,
    EnsureDirect,
    EnsureGroup,
    Enter,
    Exit,
    Hide,
    Report,
    Befriend,
    Block,
    Fenced,
    Register,
    Reclaim,
    LogIn,
    PushOut,
    Refresh,
    LogOut,
}

impl Deed {
    pub(crate) const ALL: [Self; 27] = [
        Self::Say,
        Self::SayMany,
        Self::Edit,
        Self::Delete,
        Self::Mark,
        Self::Unmark,
        Self::Join,
        Self::Remove,
        Self::Ban,
        Self::Promote,
        Self::Rename,
        Self::JoinAndSay,
        Self::EnsureDirect,
        Self::EnsureGroup,
        Self::Enter,
        Self::Exit,
        Self::Hide,
        Self::Report,
        Self::Befriend,
        Self::Block,
        Self::Fenced,
        Self::Register,
        Self::Reclaim,
        Self::LogIn,
        Self::PushOut,
        Self::Refresh,
        Self::LogOut,
    ];

    /// Does it; again, when it was done already.
    pub(crate) async fn attempt(self, scene: &Scene, store: &dyn Store) -> Result<(), StoreError> {
        match self {
            Self::Enter | Self::Exit | Self::Hide | Self::Report | Self::EnsureDirect | Self::EnsureGroup => {
                self.move_somebody(scene, store).await
            }
            Self::Befriend | Self::Block | Self::Fenced => self.between(store).await,
            Self::Register | Self::Reclaim => self.account(store).await,
            Self::LogIn | Self::PushOut | Self::Refresh | Self::LogOut => self.login(store).await,
            _ => append(store, scene.group, self.drafts()).await,
        }
    }

    fn drafts(self) -> Vec<DraftEntry> {
        let mark = |key: &str| (seq(3), key.to_owned(), user(2));
        match self {
            Self::Say => vec![message(2, "said")],
            Self::SayMany => {
                (0..5).map(|number| message(1 + number % 3, &format!("many {number}"))).collect()
            }
            Self::Edit => {
                let text = Some("edited".to_owned());
                vec![does("edit", Effect::SetBody { target: seq(2), rev: seq(2), text, payload: None })]
            }
            Self::Delete => vec![does("delete", Effect::Tombstone { target: seq(2), rev: seq(2) })],
            Self::Mark => {
                let (target, key, by) = mark("new");
                vec![does("mark", Effect::PutMark { target, key, by })]
            }
            Self::Unmark => {
                let (target, key, by) = mark("+1");
                vec![does("unmark", Effect::DropMark { target, key, by })]
            }
            Self::Join => vec![does("join", put(4, Some(Standing::Member(Role::Member))))],
            Self::Remove => vec![does("remove", put(3, None))],
            Self::Ban => vec![does("ban", put(3, Some(Standing::Banned)))],
            Self::Promote => vec![does("promote", put(3, Some(Standing::Member(Role::Admin))))],
            Self::Rename => {
                let name = Patch::Set("renamed".to_owned());
                let patch = ConversationPatch { name, ..ConversationPatch::default() };
                vec![does("rename", Effect::SetConversation(patch))]
            }
            _ => vec![does("join", put(4, Some(Standing::Member(Role::Member)))), message(4, "hello")],
        }
    }

    async fn move_somebody(self, scene: &Scene, store: &dyn Store) -> Result<(), StoreError> {
        let talk = store.talk();
        match self {
            Self::EnsureDirect => {
                let pair = pair(3, 4);
                talk.conversations().ensure(&shell(scene.direct, Kind::Direct, Some(pair))).await.map(drop)
            }
            Self::EnsureGroup => {
                let id = ConversationId::from_bytes([9; 16]);
                talk.conversations().ensure(&shell(id, Kind::Group, None)).await.map(drop)
            }
            Self::Enter => {
                let acl =
                    talk.conversations().load(&[scene.channel]).await?[0].as_ref().map_or(0, |now| now.acl);
                let enter =
                    Enter { conversation: scene.channel, user: user(3), role: Role::Member, acl, at: at(3) };
                talk.memberships().enter(&enter).await.map(drop)
            }
            Self::Exit => talk.memberships().exit(scene.channel, user(2)).await.map(drop),
            Self::Hide => talk.memberships().hide(scene.group, user(3)).await.map(drop),
            _ => {
                let to = Receipt { read: seq(3), delivered: seq(4) };
                let raise = Raise { conversation: scene.group, user: user(3), to };
                talk.receipts().raise(Arc::new([raise])).await.map(drop)
            }
        }
    }

    async fn between(self, store: &dyn Store) -> Result<(), StoreError> {
        let friendships = store.people().friendships();
        let put = |between, expected, fence, friendship: Friendship| {
            let shown = Side::BOTH.map(|side| Some(friendship.view(side)));
            PutPair { pair: between, expected, friendship, fence, shown, at: at(7) }
        };
        let friends = Friendship { state: State::Friends, blocked: [false; 2] };
        let blocked = Friendship { state: State::None, blocked: [true, false] };
        match self {
            Self::Befriend => friendships.put(&put(pair(1, 3), 0, false, friends)).await.map(drop),
            Self::Block => friendships.put(&put(pair(1, 2), 1, true, blocked)).await.map(drop),
            _ => friendships.fenced(pair(2, 3), 1).await,
        }
    }

    async fn account(self, store: &dyn Store) -> Result<(), StoreError> {
        let accounts = store.people().accounts();
        if let Self::Register = self {
            let claims =
                Claims { take: vec![claim("bea"), email("bea")], release: vec![], words: words("bea") };
            return accounts.create(&account(2, "bea", 1), &claims).await;
        }
        let claims = Claims { take: vec![claim("anna")], release: vec![claim("ana")], words: words("anna") };
        accounts.update(&account(1, "anna", 2), &claims).await
    }

    async fn login(self, store: &dyn Store) -> Result<(), StoreError> {
        let sessions = store.access().sessions();
        match self {
            Self::LogIn => sessions.create(&login(9, 2, 1), 5).await.map(drop),
            Self::PushOut => sessions.create(&login(9, 1, 9), 2).await.map(drop),
            Self::Refresh => {
                let refresh = refresh(2);
                let rotate = Rotate { id: session(1), refresh, idle_until: at(90), credential_version: 1 };
                sessions.rotate(&rotate).await
            }
            _ => sessions.end(&[session(1)]).await.map(drop),
        }
    }
}

impl Scene {
    pub(crate) fn new(tenant: Tenant) -> Self {
        let id = |name| ConversationId::named(tenant, name);
        Self { group: id("group"), channel: id("channel"), direct: id("direct") }
    }

    /// What there is before: a group in which something was said and marked, a channel, a pair, an account, logins.
    pub(crate) async fn set(&self, store: &dyn Store) {
        let conversations = store.talk().conversations();
        conversations.ensure(&shell(self.group, Kind::Group, None)).await.unwrap();
        conversations.ensure(&shell(self.channel, Kind::Channel, None)).await.unwrap();
        let mut made = does("made", put(1, Some(Standing::Member(Role::Owner))));
        made.effects.extend([2, 3].map(|number| put(number, Some(Standing::Member(Role::Member)))));
        append(store, self.group, vec![made, message(1, "one"), message(2, "two"), message(1, "three")])
            .await
            .unwrap();
        let mark = Effect::PutMark { target: seq(3), key: "+1".to_owned(), by: user(2) };
        append(store, self.group, vec![does("first mark", mark)]).await.unwrap();
        let enter =
            Enter { conversation: self.channel, user: user(2), role: Role::Member, acl: 0, at: at(2) };
        store.talk().memberships().enter(&enter).await.unwrap();

        let friends = Friendship { state: State::Friends, blocked: [false; 2] };
        let shown = Side::BOTH.map(|side| Some(friends.view(side)));
        for (between, fence) in [(pair(1, 2), false), (pair(2, 3), true)] {
            let put = PutPair { pair: between, expected: 0, friendship: friends, fence, shown, at: at(5) };
            store.people().friendships().put(&put).await.unwrap();
        }
        let claims = Claims { take: vec![claim("ana")], release: vec![], words: words("ana") };
        store.people().accounts().create(&account(1, "ana", 1), &claims).await.unwrap();
        for number in [1, 2] {
            store.access().sessions().create(&login(number, 1, i64::from(number)), 5).await.unwrap();
        }
    }

    /// Everything that can be seen, in words.
    pub(crate) async fn everything(&self, store: &dyn Store) -> Vec<String> {
        let mut seen = Vec::new();
        for id in [self.group, self.channel, self.direct, ConversationId::from_bytes([9; 16])] {
            self.conversation(store, id, &mut seen).await;
        }
        for number in 1..=USERS {
            self.user(store, number, &mut seen).await;
        }
        seen
    }

    async fn conversation(&self, store: &dyn Store, id: ConversationId, seen: &mut Vec<String>) {
        let (talk, limit) = (store.talk(), Limit::MAX);
        let record = talk.conversations().load(&[id]).await.unwrap();
        seen.push(format!("{record:?}"));
        let after = After { conversation: id, after: Seq::ZERO };
        seen.push(format!("{:?}", talk.log().entries(&[after], limit).await.unwrap()));
        let window = Window::Before(Seq::MAX);
        seen.push(format!("{:?}", talk.log().messages(id, seq(1), window, limit).await.unwrap()));
        let seqs: Vec<Seq> = (1..12).map(seq).collect();
        seen.push(format!("{:?}", talk.log().marks(id, &seqs).await.unwrap()));
        seen.push(format!("{:?}", talk.log().last(&[id]).await.unwrap()));
        seen.push(format!("{:?}", talk.memberships().list(id, None, 100).await.unwrap()));
        let users: Vec<UserId> = (1..=USERS).map(user).collect();
        seen.push(format!("{:?}", talk.memberships().of(id, &users).await.unwrap()));
    }

    async fn user(&self, store: &dyn Store, number: u64, seen: &mut Vec<String>) {
        let (memberships, limit) = (store.talk().memberships(), Limit::MAX);
        let who = user(number);
        seen.push(format!("{:?}", memberships.positions(who).await.unwrap()));
        let listed = SeatQuery::Listed { after: None, limit };
        seen.push(format!("{:?}", memberships.seats(who, listed).await.unwrap()));
        let friendships = store.people().friendships();
        seen.push(format!("{:?}", friendships.list(who, FriendFilter::All, None, limit).await.unwrap()));
        seen.push(format!("{:?}", friendships.blocks(who).await.unwrap()));
        seen.push(format!("{:?}", friendships.since(who, Some(0)).await.unwrap()));
        let pairs: Vec<Pair> = (1..=USERS).filter_map(|other| Pair::new(who, user(other)).ok()).collect();
        seen.push(format!("{:?}", friendships.of(&pairs).await.unwrap()));
        let accounts = store.people().accounts();
        seen.push(format!("{:?}", accounts.load(&[who]).await.unwrap()));
        let claims = ["ana", "anna", "bea"].map(claim);
        seen.push(format!("{:?}", accounts.claimed(&claims).await.unwrap()));
        seen.push(format!("{:?}", store.access().sessions().of_user(who).await.unwrap()));
    }
}

fn seq(number: u64) -> Seq {
    Seq::new(number)
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn user(number: u64) -> UserId {
    UserId::from(number)
}

fn pair(one: u64, other: u64) -> Pair {
    Pair::new(user(one), user(other)).unwrap()
}

fn shell(id: ConversationId, kind: Kind, pair: Option<Pair>) -> Shell {
    Shell { id, kind, pair, creator: None, settings: Settings::of(kind), at: at(1) }
}

/// An entry of the first user; its id is that of its name, so that every store has the same.
fn draft(by: u64, name: &str) -> DraftEntry {
    let id = ConversationId::named(Tenant::default(), name);
    let client_id = ClientId::new(name.replace(' ', "-")).unwrap();
    DraftEntry::new(EntryId::from_bytes(*id.as_bytes()), at(2), user(by), client_id, kind::MESSAGE)
}

fn message(by: u64, name: &str) -> DraftEntry {
    let mut draft = draft(by, name);
    draft.effects = vec![Effect::PutMessage { text: Some(format!("text of {name}")), payload: None }];
    draft
}

fn does(name: &str, effect: Effect) -> DraftEntry {
    let mut draft = draft(1, name);
    draft.effects = vec![effect];
    draft
}

fn put(number: u64, standing: Option<Standing>) -> Effect {
    Effect::PutMember { user: user(number), standing, history: History::All }
}

async fn append(
    store: &dyn Store,
    conversation: ConversationId,
    drafts: Vec<DraftEntry>,
) -> Result<(), StoreError> {
    let expected = Expected { acl: 0, roster: None };
    let lane = Lane { conversation, expected, drafts };
    store.talk().log().append(Arc::new([lane])).await.remove(0).map(drop)
}

fn claim(value: &str) -> Claim {
    Claim { kind: ClaimKind::Username, value: value.to_owned() }
}

fn email(name: &str) -> Claim {
    Claim { kind: ClaimKind::Email, value: format!("{name}@example.org") }
}

fn words(name: &str) -> Vec<String> {
    vec![name.to_owned()]
}

fn account(number: u64, name: &str, version: u64) -> Account {
    let mut account = Account::new(user(number), name.to_owned(), PasswordHash(String::new()), at(1));
    account.version = version;
    account
}

fn session(number: u8) -> SessionId {
    SessionId::from(Uuid::from_bytes([number; 16]))
}

fn refresh(generation: u64) -> RefreshState {
    RefreshState {
        generation,
        current: [1; 32],
        previous: None,
        salt: [2; 16],
        key_id: "key".to_owned(),
        rotated_at: at(4),
    }
}

fn login(number: u8, by: u64, created: i64) -> SessionRow {
    SessionRow::new(NewSession {
        id: session(number),
        user: user(by),
        device: "phone".to_owned(),
        created_at: at(created),
        idle_until: at(50),
        absolute_until: at(100),
        credential_version: 1,
        refresh: refresh(1),
    })
}
