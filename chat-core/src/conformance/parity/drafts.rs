//! A call with everything in it, made once and given to both stores.

use std::sync::Arc;

use super::calls::{Call, Deed, Holding, Place, Stroke, Strokes};
use super::operations::user as person;
use crate::conversation::{Conversation, History, Join, Kind, Post, Read, Role, Settings, Standing};
use crate::friendship::{Friendship, Relation, Shown, State, View};
use crate::id::{ConversationId, EntryId, Pair, Seq, SessionId, Side, Tenant, UserId};
use crate::message::{ClientId, Patch, Payload};
use crate::receipt::Receipt;
use crate::store::{
    Account, AccountState, Claim, ClaimKind, Claims, ClosedBy, ConversationPatch, DraftEntry, Effect, Enter,
    Expected, Lane, NewSession, PasswordHash, PutPair, Raise, RefreshState, Rotate, SessionRow, Shell, Store,
    StoreError,
};
use crate::time::Timestamp;

/// A call as a store gets it.
pub(super) enum Request {
    Ensure(Shell),
    Append(Arc<[Lane]>),
    Fence(ConversationId),
    Enter(Enter),
    Exit(ConversationId, UserId),
    Hide(ConversationId, UserId),
    Raise(Arc<[Raise]>),
    Put(PutPair),
    Fenced(Pair, u64),
    Create(Account, Claims),
    Update(Account, Claims),
    LogIn(SessionRow, u64),
    Rotate(Rotate),
    Touch(Vec<(SessionId, Timestamp)>),
    End(Vec<SessionId>),
}

impl Request {
    /// Makes the call; answers what the store says, as text.
    pub(super) async fn of(&self, store: &dyn Store) -> String {
        let (talk, people) = (store.talk(), store.people());
        let (friendships, accounts, sessions) =
            (people.friendships(), people.accounts(), store.access().sessions());
        match self {
            Self::Ensure(shell) => format!("{:?}", talk.conversations().ensure(shell).await),
            Self::Append(lanes) => format!("{:?}", talk.log().append(Arc::clone(lanes)).await),
            Self::Fence(id) => format!("{:?}", talk.conversations().fence(*id).await),
            Self::Enter(enter) => format!("{:?}", talk.memberships().enter(enter).await),
            Self::Exit(id, user) => format!("{:?}", talk.memberships().exit(*id, *user).await),
            Self::Hide(id, user) => format!("{:?}", talk.memberships().hide(*id, *user).await),
            Self::Raise(batch) => format!("{:?}", talk.receipts().raise(Arc::clone(batch)).await),
            Self::Put(change) => format!("{:?}", friendships.put(change).await),
            Self::Fenced(pair, version) => format!("{:?}", friendships.fenced(*pair, *version).await),
            Self::Create(account, claims) => format!("{:?}", accounts.create(account, claims).await),
            Self::Update(account, claims) => format!("{:?}", accounts.update(account, claims).await),
            Self::LogIn(row, keep) => format!("{:?}", sessions.create(row, *keep).await),
            Self::Rotate(rotate) => format!("{:?}", sessions.rotate(rotate).await),
            Self::Touch(seen) => format!("{:?}", sessions.touch(seen).await),
            Self::End(ids) => format!("{:?}", sessions.end(ids).await),
        }
    }
}

/// Text that a number stands for: words that begin alike, and such as databases like to fold.
pub(super) fn word(number: u8) -> String {
    const WORDS: [&str; 12] =
        ["", "a", "A", "ab", "a ", "a\u{10FFFF}", "é", "e\u{301}", "ß", "İ", "👍", "%_\\'\""];
    WORDS[usize::from(number) % WORDS.len()].to_owned()
}

fn payload(number: u8) -> Payload {
    Payload::from(vec![0, number, 255])
}

/// Nobody in particular is the system.
pub(super) fn user(number: u64) -> UserId {
    if number == 0 { UserId::SYSTEM } else { person(number) }
}

pub(super) fn pair(low: u64, high: u64) -> Pair {
    Pair::new(user(low), user(high)).unwrap_or_else(|_| Pair::new(user(1), user(2)).expect("two people"))
}

pub(super) fn login(number: u8) -> SessionId {
    SessionId::from(uuid::Uuid::from_u128(u128::from(number) << 124 | 7 << 76 | 2 << 62 | 1))
}

pub(super) fn client_id(number: u8) -> ClientId {
    ClientId::new(["a", "A", "b", "ab", "a_", "%"][usize::from(number) % 6]).expect("visible")
}

const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn near(number: u64, off: i64) -> u64 {
    number.saturating_add_signed(off)
}

impl Place {
    const fn kind(self) -> Kind {
        match self {
            Self::Direct(..) => Kind::Direct,
            Self::Group(_) => Kind::Group,
            Self::Channel(_) | Self::Nowhere => Kind::Channel,
        }
    }

    pub(super) fn id(self) -> ConversationId {
        let tenant = Tenant::default();
        match self {
            Self::Direct(low, high) => ConversationId::direct(tenant, pair(low, high)),
            Self::Group(number) => ConversationId::created(tenant, user(number), "group"),
            Self::Channel(number) => ConversationId::created(tenant, user(number), "channel"),
            Self::Nowhere => ConversationId::named(tenant, "nowhere"),
        }
    }

    fn shell(self, time: i64) -> Shell {
        let kind = self.kind();
        let pair = match self {
            Self::Direct(low, high) => Some(pair(low, high)),
            Self::Group(_) | Self::Channel(_) | Self::Nowhere => None,
        };
        let creator = (kind == Kind::Group).then(|| user(1));
        Shell { id: self.id(), kind, pair, creator, settings: Settings::of(kind), at: at(time) }
    }
}

fn settings(bits: u8) -> Settings {
    let set = |bit: u8| bits >> bit & 1 == 1;
    Settings {
        join: if set(0) { Join::Open } else { Join::Invite },
        read: if set(1) { Read::Anyone } else { Read::Members },
        post: if set(2) { Post::Admins } else { Post::Members },
        history: if set(3) { History::FromJoin } else { History::All },
    }
}

fn standing(number: u8) -> Option<Standing> {
    match number {
        0 => None,
        1 => Some(Standing::Banned),
        2 => Some(Standing::Member(Role::Admin)),
        3 => Some(Standing::Member(Role::Owner)),
        _ => Some(Standing::Member(Role::Member)),
    }
}

/// Makes calls whole, from what the store in memory holds.
pub(super) struct Maker<'a> {
    pub(super) memory: &'a dyn Store,
    /// Numbers entries; none twice.
    pub(super) entries: &'a mut u64,
}

impl Maker<'_> {
    /// The call whole; `None` when it is about an account or login there must be and is not.
    pub(super) async fn request(&mut self, call: &Call) -> Result<Option<Request>, StoreError> {
        Ok(Some(match call {
            Call::Ensure(place, time) => Request::Ensure(place.shell(*time)),
            Call::Append(lanes) => {
                let mut made = Vec::new();
                for strokes in lanes {
                    made.push(self.lane(strokes).await?);
                }
                Request::Append(made.into())
            }
            Call::Fence(place) => Request::Fence(place.id()),
            Call::Enter { place, user: who, role, acl, at: time } => {
                let acl = near(self.record(*place).await?.map_or(0, |record| record.acl), *acl);
                let role = [Role::Member, Role::Admin, Role::Owner][usize::from(*role) % 3];
                Request::Enter(Enter { conversation: place.id(), user: user(*who), role, acl, at: at(*time) })
            }
            Call::Exit(place, who) => Request::Exit(place.id(), user(*who)),
            Call::Hide(place, who) => Request::Hide(place.id(), user(*who)),
            Call::Raise(all) => Request::Raise(all.iter().map(raise).collect()),
            Call::Fenced { low, high, version } => Request::Fenced(pair(*low, *high), *version),
            Call::Pair { low, high, version, state, shown, fence, at: time } => {
                let pair = pair(*low, *high);
                let record = self.memory.people().friendships().of(&[pair]).await?.pop().flatten();
                let expected = near(record.map_or(0, |record| record.version), *version);
                let friendship = friendship(*state);
                let shown = Side::BOTH.map(|side| view(friendship, side, *shown));
                Request::Put(PutPair { pair, expected, friendship, fence: *fence, shown, at: at(*time) })
            }
            Call::Touch(seen) => {
                Request::Touch(seen.iter().map(|(number, time)| (login(*number), at(*time))).collect())
            }
            Call::End(numbers) => Request::End(numbers.iter().map(|number| login(*number)).collect()),
            Call::Create { .. } | Call::Update { .. } => return self.account(call).await,
            Call::LogIn { .. } | Call::Rotate { .. } => return self.login(call).await,
        }))
    }

    async fn record(&self, place: Place) -> Result<Option<Conversation>, StoreError> {
        Ok(self.memory.talk().conversations().load(&[place.id()]).await?.pop().flatten())
    }

    async fn lane(&mut self, strokes: &Strokes) -> Result<Lane, StoreError> {
        let (acl, roster) =
            self.record(strokes.place).await?.map_or((0, 0), |record| (record.acl, record.roster));
        let roster = strokes.roster.map(|off| near(roster, off));
        let expected = Expected { acl: near(acl, strokes.acl), roster };
        let mut drafts = Vec::new();
        for stroke in &strokes.drafts {
            drafts.push(self.draft(strokes.place, stroke).await?);
        }
        Ok(Lane { conversation: strokes.place.id(), expected, drafts })
    }

    async fn draft(&mut self, place: Place, stroke: &Stroke) -> Result<DraftEntry, StoreError> {
        *self.entries += 1;
        let id = EntryId::from(uuid::Uuid::from_u128(7 << 76 | 2 << 62 | u128::from(*self.entries)));
        let known_by = stroke.client_id.map_or_else(|| id.into(), client_id);
        let mut draft = DraftEntry::new(id, at(stroke.at), user(stroke.by), known_by, stroke.kind);
        draft.digest = [stroke.kind.to_be_bytes()[1]; 16];
        draft.target = stroke.target.map(Seq::new);
        draft.payload = stroke.payload.map(payload);
        draft.takes_right = stroke.takes_right;
        for deed in &stroke.effects {
            draft.effects.extend(self.effect(place, deed).await?);
        }
        Ok(draft)
    }

    /// What an effect is at this place; none for what there is not in direct conversations.
    async fn effect(&self, place: Place, deed: &Deed) -> Result<Option<Effect>, StoreError> {
        let is_direct = place.kind() == Kind::Direct;
        let patch = |number: &Option<u8>| match number {
            None => Patch::Keep,
            Some(0) => Patch::Clear,
            Some(number) => Patch::Set(word(*number)),
        };
        Ok(Some(match deed {
            Deed::Say(text, data) => Effect::PutMessage { text: text.map(word), payload: data.map(payload) },
            Deed::Edit(target, off, text) => {
                let rev = self.rev(place, *target, *off).await?;
                Effect::SetBody { target: Seq::new(*target), rev, text: text.map(word), payload: None }
            }
            Deed::Delete(target, off) => {
                Effect::Tombstone { target: Seq::new(*target), rev: self.rev(place, *target, *off).await? }
            }
            Deed::Member(..) if is_direct => return Ok(None),
            Deed::Member(who, number, all) => {
                let history = if *all { History::All } else { History::FromJoin };
                Effect::PutMember { user: user(*who), standing: standing(*number), history }
            }
            Deed::Patch { name, picture, metadata, settings: bits, close } => {
                let closed = if *close && !is_direct { ClosedBy::ThisEntry } else { ClosedBy::Nothing };
                let (name, picture, metadata) = (patch(name), patch(picture), patch(metadata));
                let settings = bits.map(settings);
                Effect::SetConversation(ConversationPatch { name, picture, metadata, settings, closed })
            }
            Deed::Mark(target, key, by) => {
                Effect::PutMark { target: Seq::new(*target), key: word(*key), by: user(*by) }
            }
            Deed::Unmark(target, key, by) => {
                Effect::DropMark { target: Seq::new(*target), key: word(*key), by: user(*by) }
            }
        }))
    }

    async fn rev(&self, place: Place, target: u64, off: i64) -> Result<Seq, StoreError> {
        let row = self.memory.talk().log().at(place.id(), &[Seq::new(target)]).await?.pop().flatten();
        Ok(Seq::new(near(row.map_or(target, |row| row.rev.get()), off)))
    }

    async fn account(&self, call: &Call) -> Result<Option<Request>, StoreError> {
        match call {
            Call::Create { user: who, holds, state, at: time } => {
                let hash = PasswordHash(word(holds.fields));
                let account = Account::new(user(*who), word(holds.fields), hash, at(*time));
                let claims = Claims { release: Vec::new(), ..claims(holds) };
                Ok(Some(Request::Create(filled(account, holds.fields, *state), claims)))
            }
            Call::Update { user: who, holds, state, version, credential } => {
                let there = self.memory.people().accounts().load(&[user(*who)]).await?.pop().flatten();
                let Some(mut account) = there else { return Ok(None) };
                account.version = near(account.version + 1, *version);
                account.credential_version += u64::from(*credential);
                Ok(Some(Request::Update(filled(account, holds.fields, *state), claims(holds))))
            }
            _ => Ok(None),
        }
    }

    async fn login(&self, call: &Call) -> Result<Option<Request>, StoreError> {
        match call {
            Call::LogIn { login: number, user: who, device, at: time, idle, absolute, keep } => {
                let new = NewSession {
                    id: login(*number),
                    user: user(*who),
                    device: word(*device),
                    created_at: at(*time),
                    idle_until: at(*idle),
                    absolute_until: at(*absolute),
                    credential_version: 1,
                    refresh: refresh(1, *device),
                };
                Ok(Some(Request::LogIn(SessionRow::new(new), *keep)))
            }
            Call::Rotate { login: number, generation, idle } => {
                let row = self.memory.access().sessions().load(&[login(*number)]).await?.pop().flatten();
                let generation = near(row.map_or(1, |row| row.refresh.generation) + 1, *generation);
                let refresh = refresh(generation, *number);
                let idle_until = at(*idle);
                let rotate =
                    Rotate { id: login(*number), refresh, idle_until, credential_version: generation };
                Ok(Some(Request::Rotate(rotate)))
            }
            _ => Ok(None),
        }
    }
}

fn raise((place, who, read, delivered): &(Place, u64, u64, u64)) -> Raise {
    let to = Receipt { read: Seq::new(*read), delivered: Seq::new(*delivered) };
    Raise { conversation: place.id(), user: user(*who), to }
}

fn friendship(number: u8) -> Friendship {
    let requested = |by, shown| State::Requested { by, shown };
    let states = [
        State::None,
        State::Friends,
        requested(Side::Low, Shown::Yes),
        requested(Side::Low, Shown::Hidden),
        requested(Side::High, Shown::Yes),
        requested(Side::High, Shown::Hidden),
    ];
    Friendship { state: states[usize::from(number / 4) % 6], blocked: [number & 1 == 1, number & 2 == 2] }
}

/// What a side is shown: nothing new, or anything at all.
fn view(friendship: Friendship, side: Side, shown: u8) -> Option<View> {
    let relations = [Relation::None, Relation::Requested, Relation::Incoming, Relation::Friends];
    let relation = relations[usize::from(shown >> 2) % 4];
    let is_shown = shown >> side.index() & 1 == 1;
    is_shown.then(|| View { relation, blocked: friendship.blocked_by(side) })
}

fn claims(holds: &Holding) -> Claims {
    let claim = |&(kind, value): &(u8, u8)| {
        let kind = [ClaimKind::Username, ClaimKind::Skeleton, ClaimKind::Email][usize::from(kind) % 3];
        Claim { kind, value: word(value) }
    };
    let take: Vec<Claim> = holds.take.iter().map(claim).collect();
    let release = holds.release.iter().map(claim).filter(|claim| !take.contains(claim)).collect();
    Claims { release, words: holds.words.iter().map(|&number| word(number)).collect(), take }
}

fn filled(mut account: Account, fields: u8, state: u8) -> Account {
    let set = |bit: u8| (fields >> bit & 1 == 1).then(|| word(fields / 3 + bit));
    (account.full_name, account.email, account.picture, account.bio) = (set(0), set(1), set(2), set(3));
    account.email_verified_at = (fields >> 4 & 1 == 1).then(|| at(i64::from(fields)));
    let states =
        [AccountState::Active, AccountState::Disabled, AccountState::Deleting, AccountState::Deleted];
    account.state = states[usize::from(state) % 4];
    account.particulars.locale = set(5);
    account
}

fn refresh(generation: u64, byte: u8) -> RefreshState {
    RefreshState {
        generation,
        current: [byte; 32],
        previous: generation.is_multiple_of(2).then_some([byte; 32]),
        salt: [byte; 16],
        key_id: word(byte),
        rotated_at: at(0),
    }
}
