//! Strict JSON: what a client sent, as a small tree that keeps order, repeated keys and how numbers were written.
//!
//! Syntax is `serde_json`'s affair: it refuses lone surrogates, numbers out of range, raw control characters, a byte
//! order mark, anything after the value and nesting deeper than 127. What the tree adds is what `serde_json::Value`
//! forgets: that a key came twice, and that `1.0` is not an integer.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A value. Texts without escapes are borrowed from the frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number; integers are told from others by how they were written.
    Number(Number),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object, in the order of its keys, repeated ones included.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Reads exactly one value.
    ///
    /// # Errors
    /// What the parser has to say.
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// What kind of value it is, for people.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// The first key that stands in an object a second time.
pub(crate) fn repeated<'o>(object: &'o [(Cow<'_, str>, Json<'_>)]) -> Option<&'o str> {
    let at = repeated_name(object.iter().map(|(key, _)| key.as_ref()))?;
    Some(object[at].0.as_ref())
}

/// Where the first name stands that came before.
pub(crate) fn repeated_name<'n>(names: impl ExactSizeIterator<Item = &'n str> + Clone) -> Option<usize> {
    /// Up to here comparing each with each is faster than a set.
    const FEW: usize = 16;

    if names.len() <= FEW {
        return names
            .clone()
            .enumerate()
            .position(|(at, name)| names.clone().take(at).any(|before| before == name));
    }
    let mut seen = HashSet::with_capacity(names.len());
    names.into_iter().position(|name| !seen.insert(name))
}

impl From<Json<'_>> for Value {
    /// The same without memory of order; of a repeated key the last one stays.
    fn from(json: Json<'_>) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => Self::Number(number),
            Json::Text(text) => Self::String(text.into_owned()),
            Json::List(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Json::Object(entries) => Self::Object(to_map(entries)),
        }
    }
}

/// The entries of an object as `serde_json` keeps them.
pub(crate) fn to_map(entries: Vec<(Cow<'_, str>, Json<'_>)>) -> Map<String, Value> {
    entries.into_iter().map(|(key, value)| (key.into_owned(), value.into())).collect()
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json<'de>, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let mut object = Vec::new();
        while let Some((Key(key), value)) = entries.next_entry()? {
            object.push((key, value));
        }
        Ok(Json::Object(object))
    }
}

/// A key, borrowed where it has no escapes. (`Cow` by itself always copies.)
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_parser_refuses() {
        let deep = format!("{}1{}", "[".repeat(128), "]".repeat(128));
        for bad in [
            "",
            " ",
            "{",
            "{}}",
            "{} {}",
            "\u{feff}{}",
            "{\"a\":1,}",
            "[1,]",
            "01",
            "+1",
            ".5",
            "1e400",
            "-1e400",
            "NaN",
            "Infinity",
            "'a'",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"a\nb\"",
            "\"a\u{0}b\"",
            "\"\\x41\"",
            "{\"a\" 1}",
            "{1:2}",
            "tru",
            "/* */ {}",
            deep.as_str(),
        ] {
            assert!(Json::parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn what_it_takes() {
        let deep = format!("{}1{}", "[".repeat(127), "]".repeat(127));
        assert!(Json::parse(&deep).is_ok());
        assert_eq!(Json::parse(" \"\\ud83d\\ude00\\u0000\" ").unwrap(), Json::Text("😀\0".into()));
        assert_eq!(Json::parse("18446744073709551615").unwrap(), Json::Number(u64::MAX.into()));
        assert_eq!(Json::parse("1e0").unwrap(), Json::Number(Number::from_f64(1.0).unwrap()));
    }

    #[test]
    fn texts_without_escapes_are_borrowed() {
        let Json::Object(object) = Json::parse(r#"{"plain":"text","\u0061":"\n"}"#).unwrap() else {
            panic!()
        };
        assert!(matches!(object[0], (Cow::Borrowed("plain"), Json::Text(Cow::Borrowed("text")))));
        assert!(matches!(&object[1], (Cow::Owned(key), Json::Text(Cow::Owned(_))) if key == "a"));
    }

    #[test]
    fn a_repeated_key_is_found_in_small_and_large_objects() {
        for size in [2, 16, 17, 400] {
            let unique = (0..size).map(|n| format!("\"k{n}\":0,")).collect::<Vec<_>>().concat();
            let once = format!("{{{unique}\"z\":0}}");
            let twice = format!("{{{unique}\"k1\":0}}");
            let Json::Object(once) = Json::parse(&once).unwrap() else { panic!() };
            let Json::Object(twice) = Json::parse(&twice).unwrap() else { panic!() };
            assert_eq!(repeated(&once), None);
            assert_eq!(repeated(&twice), Some("k1"));
        }
    }

    #[test]
    fn keys_are_equal_when_they_say_the_same() {
        let Json::Object(object) = Json::parse(r#"{"a":1,"\u0061":2}"#).unwrap() else { panic!() };
        assert_eq!(repeated(&object), Some("a"));
    }
}
