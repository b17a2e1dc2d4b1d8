//! Ids: what they are made of comes back, what is not the one written form is refused, derived ones never meet.

use std::collections::HashSet;

use chat_core::{ConversationId, IdSource, Pair, Seq, SessionId, Side, SystemIds, Tenant, Timestamp, UserId};
use proptest::prelude::*;
use uuid::Uuid;

fn uuids() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn users() -> impl Strategy<Value = UserId> {
    prop_oneof![
        any::<u64>().prop_map(UserId::from),
        any::<i64>().prop_map(UserId::from),
        ".{0,8}".prop_map(|key| UserId::from_external(&key)),
        uuids().prop_filter_map("reserved", |uuid| UserId::from_uuid(uuid).ok()),
    ]
}

proptest! {
    #[test]
    fn integers_come_back(signed in any::<i64>(), unsigned in any::<u64>()) {
        prop_assert_eq!(UserId::from(signed).as_integer(), Some(i128::from(signed)));
        prop_assert_eq!(UserId::from(unsigned).as_integer(), Some(i128::from(unsigned)));
        prop_assert_eq!(UserId::from(signed).to_string(), signed.to_string());
        prop_assert_eq!(UserId::from(unsigned).to_string(), unsigned.to_string());
    }

    #[test]
    fn text_and_bytes_come_back(user in users()) {
        prop_assert_eq!(user.to_string().parse::<UserId>(), Ok(user));
        prop_assert_eq!(UserId::from_bytes(*user.as_bytes()), user);
    }

    /// What is read is what would be written: there is one text for one id.
    #[test]
    fn one_text_for_one_id(text in "[-+0-9a-fA-F{} ]{1,40}") {
        if let Ok(user) = text.parse::<UserId>() {
            prop_assert_eq!(user.to_string(), text);
        }
    }

    #[test]
    fn plain_ids_come_back(uuid in uuids()) {
        let id = SessionId::from(uuid);
        prop_assert_eq!(id.to_string().parse::<SessionId>(), Ok(id));
        prop_assert!(uuid.simple().to_string().parse::<SessionId>().is_err(), "one form only");
        prop_assert_eq!(ConversationId::from_bytes(*uuid.as_bytes()).as_uuid(), uuid);
    }

    /// Integers, strings and a host's UUIDs never meet, and none is the system.
    #[test]
    fn ranges_never_meet(integer in any::<i64>(), key in ".{0,8}", uuid in uuids()) {
        let (integer, string) = (UserId::from(integer), UserId::from_external(&key));
        prop_assert_ne!(integer, string);
        prop_assert!(!integer.is_system() && !string.is_system());
        prop_assert_eq!(string.as_integer(), None);
        if let Ok(own) = UserId::from_uuid(uuid) {
            prop_assert!(own != integer && own != string);
            prop_assert_eq!(own.as_integer(), None);
        }
        prop_assert!(UserId::from_uuid(integer.as_uuid()).is_err());
        prop_assert!(UserId::from_uuid(string.as_uuid()).is_err());
    }

    #[test]
    fn pairs_have_no_order(a in users(), b in users()) {
        prop_assume!(a != b);
        let pair = Pair::new(a, b).unwrap();
        prop_assert_eq!(pair, Pair::new(b, a).unwrap());
        prop_assert!(pair.low() < pair.high());
        prop_assert_eq!(pair.other(a), Some(b));
        prop_assert_eq!(Side::BOTH.map(|side| pair.user(side)), pair.both());
        for user in [a, b] {
            prop_assert_eq!(pair.side(user).map(|side| pair.user(side)), Some(user));
        }
        prop_assert_eq!(pair.side(UserId::SYSTEM), None);
    }

    /// The same parts derive the same id; another tenant, another purpose or other parts another one, also where the
    /// parts written one after the other are the same bytes.
    #[test]
    fn derived_ids_depend_on_every_part(a in users(), b in users(), name in "[a-z]{1,6}", tenant in 0_u32..4) {
        prop_assume!(a != b);
        let tenant = Tenant(tenant);
        let pair = Pair::new(a, b).unwrap();
        let ids = [
            ConversationId::direct(tenant, pair),
            ConversationId::direct(Tenant(9), pair),
            ConversationId::created(tenant, a, &name),
            ConversationId::created(tenant, b, &name),
            ConversationId::created(tenant, a, &format!("{name}x")),
            ConversationId::named(tenant, &name),
            ConversationId::named(Tenant(9), &name),
        ];
        prop_assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        prop_assert_eq!(ids[0], ConversationId::direct(tenant, Pair::new(b, a).unwrap()));
        prop_assert!(ids.iter().all(|id| id.as_uuid().get_version_num() == 8));
    }

    #[test]
    fn positions_stay_where_json_is_exact(value in any::<u64>()) {
        let position = Seq::new(value);
        prop_assert_eq!(position.get(), value.min((1 << 53) - 1));
        prop_assert!(position.next() >= position && position.previous() <= position);
        if position != Seq::MAX {
            prop_assert_eq!(position.next().previous(), position);
        }
    }

    /// New ids are in order and never the same, whatever the clock does.
    #[test]
    fn new_ids_never_repeat(steps in proptest::collection::vec(-5_000_i64..5_000, 1..200)) {
        let ids = SystemIds::default();
        let mut now = 1_700_000_000_000;
        let mut all = Vec::new();
        for step in steps {
            now += step;
            all.push(ids.uuid(Timestamp::from_millis(now)));
        }
        prop_assert!(all.is_sorted_by(|a, b| a < b));
        prop_assert!(all.iter().all(|id| id.get_version_num() == 7));
    }
}

/// The counter of one millisecond runs over into the next, not around.
#[test]
fn a_full_counter_borrows_a_millisecond() {
    let (ids, now) = (SystemIds::default(), Timestamp::from_millis(1_700_000_000_000));
    let all: Vec<Uuid> = (0..10_000).map(|_| ids.uuid(now)).collect();
    assert!(all.is_sorted_by(|a, b| a < b));
}

#[test]
fn what_is_no_user() {
    for text in [
        "",
        "+1",
        "-0",
        "01",
        "1.0",
        " 1",
        "18446744073709551616",
        "-9223372036854775809",
        "ana",
        "00000000-0000-0000-0000-000000000000",
        "A0000000-0000-4000-8000-000000000000",
    ] {
        assert!(text.parse::<UserId>().is_err(), "{text:?}");
    }
    assert!(UserId::from_uuid(Uuid::nil()).is_err());
    assert!(Pair::new(UserId::from(1_u64), UserId::from(1_u64)).is_err());
    assert!(Pair::new(UserId::from(1_u64), UserId::SYSTEM).is_err());
}
