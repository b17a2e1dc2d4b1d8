//! Validated values: what gets in, what comes back, and the merge of receipts.

use chat_core::user::search_words;
use chat_core::{ClientId, Device, Limit, Metadata, Page, Patch, Query, Receipt, Seq, Text, Timestamp};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn receipts() -> impl Strategy<Value = Receipt> {
    let positions = (0_u64..50, 0_u64..50);
    positions.prop_map(|(a, b)| Receipt { read: Seq::new(a.min(b)), delivered: Seq::new(a.max(b)) })
}

/// An object nested this deep, itself included.
fn nested(depth: usize, with: fn(Value) -> Value) -> Map<String, Value> {
    let inner = (1..depth).fold(json!({}), |inner, _| with(inner));
    match inner {
        Value::Object(object) => object,
        other => Map::from_iter([("in".to_owned(), other)]),
    }
}

proptest! {
    /// Merging is order-free, repeatable, never goes back, and keeps read ≤ delivered.
    #[test]
    fn receipts_merge(a in receipts(), b in receipts(), c in receipts()) {
        prop_assert_eq!(a.merge(b), b.merge(a));
        prop_assert_eq!(a.merge(b).merge(c), a.merge(b.merge(c)));
        prop_assert_eq!(a.merge(a), a);
        prop_assert_eq!(a.merge(Receipt::default()), a);
        let merged = a.merge(b);
        prop_assert!(merged.read >= a.read && merged.delivered >= a.delivered);
        prop_assert!(merged.read <= merged.delivered);
    }

    /// A report is refused above the head and empty, and else becomes a receipt that is in order.
    #[test]
    fn receipts_reported(read in proptest::option::of(0_u64..20), delivered in proptest::option::of(0_u64..20), head in 0_u64..20) {
        let (read, delivered, head) = (read.map(Seq::new), delivered.map(Seq::new), Seq::new(head));
        let fits = (read.is_some() || delivered.is_some()) && read.max(delivered) <= Some(head);
        match Receipt::reported(read, delivered, head) {
            Ok(receipt) => {
                prop_assert!(fits);
                prop_assert_eq!(receipt.read, read.unwrap_or_default());
                prop_assert_eq!(receipt.delivered, delivered.unwrap_or_default().max(receipt.read));
            }
            Err(refusal) => prop_assert!(!fits, "{refusal}"),
        }
    }

    #[test]
    fn client_ids_are_visible_ascii(text in "\\PC{0,70}|[!-~]{0,70}") {
        let fits = (1..=64).contains(&text.len()) && text.chars().all(|c| ('!'..='~').contains(&c));
        match ClientId::new(text.clone()) {
            Ok(id) => prop_assert!(fits && id.as_str() == text),
            Err(_) => prop_assert!(!fits),
        }
    }

    /// A text is kept to the letter or refused, never changed.
    #[test]
    fn texts_are_kept_or_refused(text in any::<String>()) {
        let blank = text.chars().all(char::is_whitespace);
        let control = text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'));
        match Text::new(text.clone()) {
            Ok(kept) => prop_assert!(!blank && !control && kept.as_str() == text),
            Err(_) => prop_assert!(blank || control),
        }
    }

    #[test]
    fn limits_are_one_to_two_hundred(items in any::<u64>()) {
        let limit = Limit::new(items).map(Limit::get);
        prop_assert_eq!(limit, (1..=200).contains(&items).then(|| usize::try_from(items).unwrap()));
    }

    /// A list cut into pages and joined again is the list, each page within the limit.
    #[test]
    fn pages_join_to_the_list(keys in proptest::collection::btree_set(0_u32..500, 0..60), limit in 1_u64..20) {
        let (keys, limit): (Vec<u32>, Limit) = (keys.into_iter().collect(), Limit::new(limit).unwrap());
        let mut joined = Vec::new();
        let mut after = None;
        loop {
            let rest = keys.iter().copied().filter(|&key| after.is_none_or(|after| key > after));
            let page = Page::cut(rest.take(limit.get() + 1).collect(), limit, |key| *key);
            prop_assert!(page.items.len() <= limit.get());
            prop_assert!(page.next.is_none() || page.next == page.items.last().copied());
            joined.extend(page.items);
            match page.next {
                Some(key) => after = Some(key),
                None => break,
            }
        }
        prop_assert_eq!(joined, keys);
    }

    #[test]
    fn metadata_comes_back(keys in proptest::collection::btree_map("[^\0]{0,6}", "[^\0]{0,6}", 0..6)) {
        let object: Map<String, Value> = keys.into_iter().map(|(key, value)| (key, json!(value))).collect();
        let metadata = Metadata::new(object.clone()).unwrap();
        prop_assert_eq!(metadata.as_object(), &object);
        prop_assert_eq!(Metadata::from_json(&metadata.to_json()), Some(metadata));
    }

    /// Words are what is between everything else, lower-case, each once, in order; and are their own words.
    #[test]
    fn words_are_found_again(text in "\\PC{0,40}") {
        let words = search_words(&text);
        prop_assert!(words.is_sorted_by(|a, b| a < b));
        prop_assert!(words.iter().all(|word| !word.is_empty()));
        if let Some(query) = Query::new(&text) {
            prop_assert_eq!(query.words(), search_words(text.trim()));
        }
    }

    #[test]
    fn devices_take_what_fits(name in any::<String>()) {
        let device = Device::new(&name);
        prop_assert!(device.as_str().chars().count() <= 128);
        prop_assert!(!device.as_str().chars().any(char::is_control));
    }

    /// Time neither overflows nor runs below zero.
    #[test]
    fn time_saturates(start in any::<i64>(), millis in any::<u64>()) {
        let (start, by) = (Timestamp::from_millis(start), std::time::Duration::from_millis(millis));
        let later = start.plus(by);
        prop_assert!(later >= start);
        prop_assert!(later.since(start) <= by);
        prop_assert_eq!(start.since(later.plus(std::time::Duration::from_millis(1)).max(start)), std::time::Duration::ZERO);
    }
}

/// Eight deep is the bound, for objects and arrays alike; NUL is nowhere.
#[test]
fn metadata_is_bounded() {
    for with in [|inner| json!({ "in": inner }), |inner| json!([inner])] as [fn(Value) -> Value; 2] {
        // An array is one level below the object that holds it.
        let level = usize::from(with(Value::Null).is_array());
        assert!(Metadata::new(nested(8 - level, with)).is_ok());
        assert!(Metadata::new(nested(9 - level, with)).is_err());
    }
    for object in [json!({ "a\0": 1 }), json!({ "a": "\0" }), json!({ "a": [{ "b": "x\0" }] })] {
        assert!(Metadata::new(object.as_object().cloned().unwrap()).is_err(), "{object}");
    }
}

#[test]
fn patches_apply() {
    for now in [None, Some(1)] {
        assert_eq!(Patch::Keep.apply(now), now);
        assert_eq!(Patch::Clear.apply(now), None);
        assert_eq!(Patch::Set(2).apply(now), Some(2));
    }
    assert_eq!(Patch::Set(2).map(|value| value + 1), Patch::Set(3));
    assert!(Patch::<u8>::Keep.is_keep() && !Patch::<u8>::Clear.is_keep());
}
