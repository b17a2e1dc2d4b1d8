//! Who may do what: the whole table, written down a second time the way the protocol states it.

use chat_core::conversation::{Act, Actor, Membership, Whose, permits, successor};
use chat_core::{
    ConversationId, History, Join, Kind, Post, Read, Refusal, Role, Seq, Settings, Standing, Timestamp,
    UserId,
};
use uuid::Uuid;

const ACTS: [Act; 15] = [
    Act::Read,
    Act::Send,
    Act::Edit(Whose::Own),
    Act::Edit(Whose::Others),
    Act::Delete(Whose::Own),
    Act::Delete(Whose::Others),
    Act::Join,
    Act::Leave,
    Act::Add,
    Act::Remove(Role::Member),
    Act::Remove(Role::Admin),
    Act::Remove(Role::Owner),
    Act::Update,
    Act::SetRole,
    Act::Close,
];
const KINDS: [Kind; 3] = [Kind::Direct, Kind::Group, Kind::Channel];
const ROLES: [Role; 3] = [Role::Member, Role::Admin, Role::Owner];

fn every_settings() -> impl Iterator<Item = Settings> {
    [Join::Invite, Join::Open].into_iter().flat_map(|join| {
        [Read::Members, Read::Anyone].into_iter().flat_map(move |read| {
            [Post::Members, Post::Admins].into_iter().flat_map(move |post| {
                [History::All, History::FromJoin].map(|history| Settings { join, read, post, history })
            })
        })
    })
}

fn member(role: Role) -> Actor {
    Actor::Person(Some(Standing::Member(role)))
}

/// The least role that may do this in a group or channel; `None` when nobody may.
fn least(act: Act, post: Post) -> Option<Role> {
    match act {
        Act::Read | Act::Join | Act::Leave | Act::Edit(Whose::Own) | Act::Delete(Whose::Own) => {
            Some(Role::Member)
        }
        Act::Send if post == Post::Members => Some(Role::Member),
        Act::Send | Act::Add | Act::Update | Act::Delete(Whose::Others) | Act::Remove(Role::Member) => {
            Some(Role::Admin)
        }
        Act::Remove(Role::Admin | Role::Owner) | Act::SetRole | Act::SetPolicy | Act::Close => {
            Some(Role::Owner)
        }
        Act::Edit(Whose::Others) => None,
    }
}

#[test]
fn members_of_groups_and_channels() {
    for kind in [Kind::Group, Kind::Channel] {
        for settings in every_settings() {
            for act in ACTS.into_iter().chain([Act::SetPolicy]) {
                for role in ROLES {
                    let allowed = least(act, settings.post).is_some_and(|least| role >= least);
                    let expected = if allowed { Ok(()) } else { Err(Refusal::Forbidden) };
                    assert_eq!(
                        permits(kind, settings, member(role), act),
                        expected,
                        "{role:?} {act:?} {kind:?} {settings:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_two_of_a_direct_conversation() {
    let allowed =
        [Act::Read, Act::Send, Act::Edit(Whose::Own), Act::Delete(Whose::Own), Act::Join, Act::Leave];
    for settings in every_settings() {
        for act in ACTS.into_iter().chain([Act::SetPolicy]) {
            let expected = if allowed.contains(&act) { Ok(()) } else { Err(Refusal::Forbidden) };
            assert_eq!(permits(Kind::Direct, settings, member(Role::Member), act), expected, "{act:?}");
        }
    }
}

/// Outside, everything is "not found", but that what anyone may read may be read, and what is open be joined.
#[test]
fn who_is_outside() {
    for kind in KINDS {
        for settings in every_settings() {
            let readable = kind != Kind::Direct && settings.read == Read::Anyone;
            let open = kind != Kind::Direct && settings.join == Join::Open;
            for act in ACTS.into_iter().chain([Act::SetPolicy]) {
                let stranger = match act {
                    Act::Join if open => Ok(()),
                    Act::Read if readable => Ok(()),
                    _ if readable => Err(Refusal::Forbidden),
                    _ => Err(Refusal::NotFound),
                };
                assert_eq!(
                    permits(kind, settings, Actor::Person(None), act),
                    stranger,
                    "{act:?} {kind:?} {settings:?}"
                );
                let banned = match act {
                    Act::Join if open || readable => Err(Refusal::Forbidden),
                    _ => Err(Refusal::NotFound),
                };
                let actor = Actor::Person(Some(Standing::Banned));
                assert_eq!(permits(kind, settings, actor, act), banned, "{act:?} {kind:?} {settings:?}");
            }
        }
    }
}

#[test]
fn the_system_may_do_all_but_come_and_go() {
    for kind in KINDS {
        for settings in every_settings() {
            for act in ACTS.into_iter().chain([Act::SetPolicy]) {
                let expected =
                    if matches!(act, Act::Join | Act::Leave) { Err(Refusal::Forbidden) } else { Ok(()) };
                assert_eq!(permits(kind, settings, Actor::System, act), expected, "{act:?}");
            }
        }
    }
}

/// Settings take a right away exactly when one of their three doors gets narrower.
#[test]
fn what_tightens() {
    for now in every_settings() {
        for next in every_settings() {
            let narrower = [
                now.join == Join::Open && next.join == Join::Invite,
                now.read == Read::Anyone && next.read == Read::Members,
                now.post == Post::Members && next.post == Post::Admins,
            ];
            assert_eq!(now.takes_right(&next), narrower.contains(&true), "{now:?} to {next:?}");
        }
    }
}

/// The longest-serving admin, else member; ties by id; nobody among the banned.
#[test]
fn who_succeeds() {
    let row = |number: u64, standing, since| {
        let id = ConversationId::from(Uuid::nil());
        let since = Timestamp::from_millis(since);
        Membership::new(id, UserId::from(number), standing, Seq::new(1), since)
    };
    let (member, admin) = (Standing::Member(Role::Member), Standing::Member(Role::Admin));
    let mut staying = vec![row(9, Standing::Banned, 0)];
    assert_eq!(successor(&staying), None);
    for (number, standing, since, heir) in [
        (5, member, 30, 5_u64),
        (4, member, 40, 5),
        (3, member, 30, 3),
        (8, admin, 50, 8),
        (7, admin, 60, 8),
        (6, admin, 50, 6),
    ] {
        staying.push(row(number, standing, since));
        assert_eq!(successor(&staying), Some(UserId::from(heir)), "after {number}");
    }
}
