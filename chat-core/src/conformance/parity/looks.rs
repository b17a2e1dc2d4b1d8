//! Looks at a store: every read of the contract, as text that can be compared.

use super::calls::{CLIENT_IDS, LOGINS, Place, USERS, WORDS};
use super::drafts::{client_id, login, pair, user, word};
use crate::friendship::Relation;
use crate::id::{ConversationId, Seq, UserId};
use crate::page::Limit;
use crate::store::{
    Account, AccountState, After, Claim, ClaimKind, FriendFilter, SeatQuery, Store, StoreError, Window,
};
use crate::time::Timestamp;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    Record(Place),
    Entries(Place),
    History(Place),
    Messages(Place),
    Found(Place, u64),
    Marks(Place),
    Members(Place),
    MembersPage(Place),
    Copies(Place),
    Heads,
    Walk,
    Positions(u64),
    SeatsNamed(u64),
    SeatsListed(u64),
    Counts,
    Pairs,
    Friends(u64),
    Blocks(u64),
    Feed(u64),
    Unfenced,
    Accounts,
    Claims,
    Search,
    States,
    Logins,
    LoginsOf(u64),
    Expired,
    People,
}

impl Look {
    /// What a call at this place may have changed, seen by one user.
    pub(super) fn at(place: Place, number: u64) -> Vec<Self> {
        vec![
            Self::Record(place),
            Self::Entries(place),
            Self::History(place),
            Self::Messages(place),
            Self::Marks(place),
            Self::Members(place),
            Self::SeatsNamed(number),
            Self::Positions(number),
        ]
    }

    /// Everything.
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![Self::Heads, Self::Walk, Self::Counts, Self::Pairs, Self::Unfenced, Self::People];
        all.extend([Self::Accounts, Self::Claims, Self::Search, Self::States, Self::Logins, Self::Expired]);
        for place in Place::all() {
            all.extend(Self::at(place, 1));
            all.extend([Self::MembersPage(place), Self::Copies(place)]);
            all.extend((0..=USERS).map(|number| Self::Found(place, number)));
        }
        for number in 1..=USERS {
            all.extend([Self::Positions(number), Self::SeatsNamed(number), Self::SeatsListed(number)]);
            all.extend([Self::Friends(number), Self::Blocks(number), Self::Feed(number)]);
            all.push(Self::LoginsOf(number));
        }
        all
    }

    /// What a store says; `step` moves windows, pages and cursors over it.
    pub(super) async fn of(self, store: &dyn Store, step: u64) -> Result<String, StoreError> {
        Ok(match self {
            Self::Record(_)
            | Self::Entries(_)
            | Self::History(_)
            | Self::Messages(_)
            | Self::Found(..)
            | Self::Marks(_)
            | Self::Copies(_)
            | Self::Heads
            | Self::Walk => self.of_log(store, step).await?,
            Self::Members(_)
            | Self::MembersPage(_)
            | Self::Positions(_)
            | Self::SeatsNamed(_)
            | Self::SeatsListed(_)
            | Self::Counts => self.of_memberships(store, step).await?,
            Self::Pairs | Self::Friends(_) | Self::Blocks(_) | Self::Feed(_) | Self::Unfenced => {
                self.of_friendships(store, step).await?
            }
            Self::Accounts | Self::Claims | Self::Search | Self::States | Self::People => {
                self.of_accounts(store, step).await?
            }
            Self::Logins | Self::LoginsOf(_) | Self::Expired => self.of_sessions(store, step).await?,
        })
    }

    async fn of_log(self, store: &dyn Store, step: u64) -> Result<String, StoreError> {
        let (log, conversations) = (store.talk().log(), store.talk().conversations());
        let limit = Limit::new(1 + step % 9).unwrap_or_default();
        Ok(match self {
            Self::Record(place) => format!("{:?}", conversations.load(&[place.id(), place.id()]).await?),
            Self::Entries(place) => {
                let from = |after| After { conversation: place.id(), after: Seq::new(after) };
                format!("{:?}", log.entries(&[from(step % 4 * 8), from(step % 30)], limit).await?)
            }
            Self::History(place) => {
                let position = Seq::new(step % 23);
                let windows = [Window::Before(position), Window::After(position), Window::Around(position)];
                let window = windows[usize::try_from(step % 3).unwrap_or(0)];
                let visible_from = Seq::new(step % 5 * 3);
                format!("{:?}", log.messages(place.id(), visible_from, window, limit).await?)
            }
            Self::Messages(place) => {
                let seqs: Vec<Seq> = (0..12).map(|number| Seq::new((step + number * 3) % 31)).collect();
                format!("{:?}", log.at(place.id(), &seqs).await?)
            }
            Self::Found(place, number) => {
                let mut found = Vec::new();
                for client in 0..CLIENT_IDS {
                    found.push(log.find(place.id(), user(number), &client_id(client)).await?);
                }
                format!("{found:?}")
            }
            Self::Marks(place) => {
                let seqs: Vec<Seq> = (0..40).map(Seq::new).collect();
                format!("{:?}", log.marks(place.id(), &seqs).await?)
            }
            Self::Copies(place) => {
                let after = Seq::new(step % 11);
                format!("{:?}", store.talk().transfer_talk().entries_after(place.id(), after, 1_000).await?)
            }
            Self::Walk => {
                let after = step.is_multiple_of(2).then(|| Place::Group(1).id());
                format!("{:?}", conversations.walk(after, limit.get()).await?)
            }
            _ => {
                let ids: Vec<ConversationId> = Place::all().into_iter().map(Place::id).collect();
                format!("{:?} {:?}", log.heads(&ids).await?, log.last(&ids).await?)
            }
        })
    }

    async fn of_memberships(self, store: &dyn Store, step: u64) -> Result<String, StoreError> {
        let memberships = store.talk().memberships();
        let users: Vec<UserId> = (0..=USERS).map(user).collect();
        let limit = Limit::new(1 + step % 3).unwrap_or_default();
        Ok(match self {
            Self::Members(place) => format!("{:?}", memberships.of(place.id(), &users).await?),
            Self::MembersPage(place) => {
                let after = step.is_multiple_of(2).then(|| user(step % USERS));
                let page = memberships.list(place.id(), after, limit.get()).await?;
                let all = store.talk().transfer_talk().members_after(place.id(), None, 1_000).await?;
                format!("{page:?} {all:?}")
            }
            Self::Positions(number) => format!("{:?}", memberships.positions(user(number)).await?),
            Self::SeatsNamed(number) => {
                let ids: Vec<ConversationId> = Place::all().into_iter().rev().map(Place::id).collect();
                format!("{:?}", memberships.seats(user(number), SeatQuery::These(&ids)).await?)
            }
            Self::SeatsListed(number) => {
                let after = step.is_multiple_of(2).then(|| Place::Channel(1).id());
                let query = SeatQuery::Listed { after, limit };
                format!("{:?}", memberships.seats(user(number), query).await?)
            }
            _ => format!("{:?}", memberships.counts(&users).await?),
        })
    }

    async fn of_friendships(self, store: &dyn Store, step: u64) -> Result<String, StoreError> {
        let friendships = store.people().friendships();
        let pairs: Vec<_> =
            (1..USERS).flat_map(|low| (low + 1..=USERS).map(move |high| pair(low, high))).collect();
        Ok(match self {
            Self::Pairs => format!("{:?}", friendships.of(&pairs).await?),
            Self::Friends(number) => {
                let filters = [
                    FriendFilter::All,
                    FriendFilter::Blocked,
                    FriendFilter::Relation(Relation::None),
                    FriendFilter::Relation(Relation::Requested),
                    FriendFilter::Relation(Relation::Incoming),
                    FriendFilter::Relation(Relation::Friends),
                ];
                let filter = filters[usize::try_from(step % 6).unwrap_or(0)];
                let after = step.is_multiple_of(3).then(|| user(1 + step % USERS));
                let limit = Limit::new(1 + step % 4).unwrap_or_default();
                let some = friendships.list(user(number), filter, after, limit).await?;
                let all = friendships.list(user(number), FriendFilter::All, None, Limit::MAX).await?;
                format!("{some:?} {all:?}")
            }
            Self::Blocks(number) => format!("{:?}", friendships.blocks(user(number)).await?),
            Self::Feed(number) => {
                let cursor = (!step.is_multiple_of(5)).then_some(step % 13);
                format!("{:?}", friendships.since(user(number), cursor).await?)
            }
            // Which are listed first is not promised.
            _ => {
                let mut due = friendships.unfenced(Limit::MAX).await?;
                due.sort_unstable_by_key(|record| record.pair);
                format!("{due:?}")
            }
        })
    }

    async fn of_accounts(self, store: &dyn Store, step: u64) -> Result<String, StoreError> {
        let accounts = store.people().accounts();
        let limit = Limit::new(1 + step % 3).unwrap_or_default();
        let after = step.is_multiple_of(2).then(|| user(1 + step % USERS));
        Ok(match self {
            Self::Accounts => {
                let users: Vec<UserId> = (0..=USERS).map(user).collect();
                let there = accounts.load(&users).await?;
                shown(there.into_iter().flatten())
            }
            Self::Claims => {
                let kinds = [ClaimKind::Username, ClaimKind::Skeleton, ClaimKind::Email];
                let claim = |kind| (0..WORDS).map(move |number| Claim { kind, value: word(number) });
                let claims: Vec<Claim> = kinds.into_iter().flat_map(claim).collect();
                format!("{:?}", accounts.claimed(&claims).await?)
            }
            Self::Search => {
                let one = word(u8::try_from(step % u64::from(WORDS)).unwrap_or(0));
                let words = if step.is_multiple_of(4) { vec![one, word(1)] } else { vec![one] };
                shown(accounts.search(&words, after, limit).await?)
            }
            Self::States => {
                let states = [
                    AccountState::Active,
                    AccountState::Disabled,
                    AccountState::Deleting,
                    AccountState::Deleted,
                ];
                let mut all = String::new();
                for state in states {
                    all += &shown(accounts.in_state(state, after, limit.get()).await?);
                }
                all
            }
            _ => {
                let transfer = store.people().transfer_people();
                let accounts = transfer.accounts_after(after, 100).await?;
                format!("{:?} {accounts:?}", transfer.pairs(None, 100).await?)
            }
        })
    }

    async fn of_sessions(self, store: &dyn Store, step: u64) -> Result<String, StoreError> {
        let sessions = store.access().sessions();
        let ids: Vec<_> = (0..LOGINS).map(login).collect();
        let now = Timestamp::from_millis(i64::try_from(step % 45).unwrap_or(0) - 3);
        Ok(match self {
            Self::Logins => format!("{:?}", sessions.load(&ids).await?),
            Self::LoginsOf(number) => format!("{:?}", sessions.of_user(user(number)).await?),
            _ => {
                // Which are listed first is not promised.
                let mut over = sessions.expired(now, 100).await?;
                over.sort_unstable();
                let all = store.access().transfer_access().sessions_after(None, 100).await?;
                format!("{:?} {over:?} {all:?}", sessions.alive(&ids, now).await?)
            }
        })
    }
}

/// Accounts with their passwords' hashes, which do not show themselves.
fn shown(accounts: impl IntoIterator<Item = Account>) -> String {
    let all: Vec<(Account, String)> = accounts
        .into_iter()
        .map(|account| {
            let hash = account.password.0.clone();
            (account, hash)
        })
        .collect();
    format!("{all:?}")
}
