//! Reading a request: its fields are taken one by one, by name and type, and what is left over is refused by name.
//!
//! A request over REST gathers its fields from the path, the query and the body; from there on it is read as one that
//! came in a frame, so that all doors have the same rules about shape. Shapes are declared once, with
//! [`shape!`](super::shape): the reading and the published schema both follow from the declaration.

use std::borrow::Cow;
use std::fmt;

use chat_core::{Patch, Refusal, UserId};
use serde_json::json;

use crate::json::{Json, repeated, repeated_name};
use crate::problem::Failure;

/// Where a field stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// In the JSON object of a frame or body.
    Body,
    /// In the query of a URL: a text, whatever its type.
    Query,
    /// In the path of a URL: a text, whatever its type.
    Path,
    /// In a header; passed over by requests that have no use for it.
    Header,
}

/// Where a value stands, from the field inwards.
#[derive(Clone, Copy)]
pub(crate) enum At<'p> {
    /// It is this field.
    Field(&'p str, Source),
    /// It is under this key of an object.
    Key(&'p At<'p>, &'p str),
    /// It is this item of an array.
    Index(&'p At<'p>, usize),
}

impl At<'_> {
    /// A failure about this place.
    pub(crate) fn refuse(&self, why: impl Into<Cow<'static, str>>) -> Failure {
        Failure::invalid(self.to_string(), why)
    }

    /// A failure about a value of another type than `wanted`.
    pub(crate) fn mistyped(&self, wanted: &str, json: &Json<'_>) -> Failure {
        self.refuse(format!("must be {wanted}, not {}", json.kind()))
    }

    /// Where the field that holds it stood.
    pub(crate) const fn source(&self) -> Source {
        match self {
            Self::Field(_, source) => *source,
            Self::Key(parent, _) | Self::Index(parent, _) => parent.source(),
        }
    }
}

impl fmt::Display for At<'_> {
    /// A JSON pointer (RFC 6901), or `?name` for a query parameter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name, Source::Query) => write!(f, "?{name}"),
            Self::Field(key, _) => write!(f, "/{}", Escaped(key)),
            Self::Key(parent, key) => write!(f, "{parent}/{}", Escaped(key)),
            Self::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// One step of a JSON pointer.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.replace('~', "~0").replace('/', "~1"))
    }
}

/// Ids that were read. A text that cannot be an id names nothing, which is told only once everything else about the
/// shape is right: until then it is read as some id.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    names_nothing: bool,
}

impl Ids {
    /// Notes that an id cannot name anything.
    pub(crate) const fn name_nothing(&mut self) {
        self.names_nothing = true;
    }
}

/// What a value of a field may be.
pub(crate) trait Value: Sized {
    /// As JSON Schema.
    fn schema() -> serde_json::Value;

    /// Reads a value that is not null.
    fn read(json: Json<'_>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure>;
}

/// What may stand under a name: a [`Value`], or something that says what its absence means.
pub(crate) trait Field: Sized {
    /// Whether it must be there.
    const NEED: Need;

    /// As JSON Schema.
    fn schema() -> serde_json::Value;

    /// Reads what was given.
    fn read(given: Option<Json<'_>>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure>;
}

/// Whether a field must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It must.
    Required,
    /// It may be left out.
    Optional,
}

impl<T: Value> Field for T {
    const NEED: Need = Need::Required;

    fn schema() -> serde_json::Value {
        T::schema()
    }

    fn read(given: Option<Json<'_>>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure> {
        match given {
            Some(json) => not_null(json, at, ids),
            None => Err(at.refuse("is missing")),
        }
    }
}

impl<T: Value> Field for Option<T> {
    const NEED: Need = Need::Optional;

    fn schema() -> serde_json::Value {
        T::schema()
    }

    fn read(given: Option<Json<'_>>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure> {
        given.map(|json| not_null(json, at, ids)).transpose()
    }
}

impl<T: Value> Field for Patch<T> {
    const NEED: Need = Need::Optional;

    fn schema() -> serde_json::Value {
        json!({ "anyOf": [T::schema(), { "type": "null" }] })
    }

    fn read(given: Option<Json<'_>>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure> {
        match given {
            None => Ok(Self::Keep),
            Some(Json::Null) => Ok(Self::Clear),
            Some(json) => T::read(json, at, ids).map(Self::Set),
        }
    }
}

fn not_null<T: Value>(json: Json<'_>, at: &At<'_>, ids: &mut Ids) -> Result<T, Failure> {
    match json {
        Json::Null => Err(at.refuse("must not be null")),
        json => T::read(json, at, ids),
    }
}

struct Given<'a> {
    name: Cow<'a, str>,
    value: Json<'a>,
    source: Source,
}

/// The fields of a request that nobody has taken yet.
pub(crate) struct Fields<'a> {
    given: Vec<Given<'a>>,
    /// Where a field that is missing is missed.
    home: Source,
    ids: Ids,
    user: Option<UserId>,
}

impl<'a> Fields<'a> {
    /// None yet, of a request by `user`, once that is known; most stand in `home`.
    pub(crate) fn of(user: Option<UserId>, home: Source) -> Self {
        Self { given: Vec::new(), home, ids: Ids::default(), user }
    }

    /// The entries of a JSON object, too.
    ///
    /// # Errors
    /// The first key that is there twice in a value, in whatever depth.
    pub(crate) fn with_body(mut self, object: Vec<(Cow<'a, str>, Json<'a>)>) -> Result<Self, Failure> {
        self.given.reserve(object.len());
        for (name, value) in object {
            refuse_repeated(&value, &At::Field(&name, Source::Body))?;
            self = self.with(name, value, Source::Body);
        }
        Ok(self)
    }

    /// One more.
    pub(crate) fn with(mut self, name: impl Into<Cow<'a, str>>, value: Json<'a>, source: Source) -> Self {
        self.given.push(Given { name: name.into(), value, source });
        self
    }

    /// The text of the field of this name, if it is one and was not taken.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match &self.given.iter().find(|given| given.name == name)?.value {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The names that were given and not taken.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.given.iter().map(|given| given.name.as_ref())
    }

    /// Takes the field of this name.
    ///
    /// # Errors
    /// When it is missing, or is not what it must be.
    pub(crate) fn take<F: Field>(&mut self, name: &str) -> Result<F, Failure> {
        match self.given.iter().position(|given| given.name == name) {
            Some(at) => {
                let Given { value, source, .. } = self.given.swap_remove(at);
                F::read(Some(value), &At::Field(name, source), &mut self.ids)
            }
            None => F::read(None, &At::Field(name, self.home), &mut self.ids),
        }
    }

    /// Reads a whole shape, which must be all there is, and turns it into something by `make`.
    ///
    /// # Errors
    /// The first field that is given twice; else the first that is missing, wrong or unknown; then what `make` finds
    /// wrong with the shape; then, all being right, an id that names nothing.
    pub(crate) fn read<S: Shape, T>(
        mut self,
        make: impl FnOnce(S, Option<UserId>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if let Some(at) = repeated_name(self.given.iter().map(|given| given.name.as_ref())) {
            return Err(At::Field(&self.given[at].name, self.given[at].source).refuse(TWICE));
        }
        let shape = S::take(&mut self)?;
        self.end()?;
        let made = make(shape, self.user)?;
        if self.ids.names_nothing { Err(Refusal::NotFound.into()) } else { Ok(made) }
    }

    fn end(&self) -> Result<(), Failure> {
        match self.given.iter().find(|given| given.source != Source::Header) {
            Some(Given { name, source, .. }) => {
                Err(At::Field(name, *source).refuse("is not a field of this"))
            }
            None => Ok(()),
        }
    }
}

const TWICE: &str = "is given twice";

fn refuse_repeated(json: &Json<'_>, at: &At<'_>) -> Result<(), Failure> {
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => Ok(()),
        Json::List(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| refuse_repeated(item, &At::Index(at, index))),
        Json::Object(entries) => {
            if let Some(key) = repeated(entries) {
                return Err(At::Key(at, key).refuse(TWICE));
            }
            entries.iter().try_for_each(|(key, value)| refuse_repeated(value, &At::Key(at, key)))
        }
    }
}

/// Whole numbers are written as whole numbers, also in URLs.
pub(crate) fn integer(json: &Json<'_>, at: &At<'_>) -> Result<u64, Failure> {
    match (json, at.source()) {
        (Json::Number(number), _) => {
            number.as_u64().ok_or_else(|| at.refuse("must be a whole number, written as one"))
        }
        (Json::Text(text), Source::Query | Source::Path) => {
            canonical_digits(text).ok_or_else(|| at.refuse("must be a whole number"))
        }
        (other, _) => Err(at.mistyped("a number", other)),
    }
}

fn canonical_digits(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A shape: fields with names and types, declared by [`shape!`](super::shape).
pub(crate) trait Shape: Sized {
    /// The names of its fields.
    const NAMES: &'static [&'static str];

    /// Takes its fields.
    ///
    /// # Errors
    /// The first one that is missing or wrong.
    fn take(fields: &mut Fields<'_>) -> Result<Self, Failure>;

    /// Its fields, in the order of their declaration.
    fn fields() -> Vec<FieldDoc>;
}

/// What is published about a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldDoc {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) about: &'static str,
    /// Whether it must be there.
    pub(crate) need: Need,
    /// What it may be.
    pub(crate) schema: serde_json::Value,
}

/// Declares a shape: a struct whose fields are read by name, with their documentation as part of the published schema.
macro_rules! shape {
    ($($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $field:ident: $type:ty,)+ })+) => {$(
        $(#[doc = $about])+
        #[derive(Debug)]
        pub(crate) struct $name { $($(#[doc = $doc])+ pub(crate) $field: $type,)+ }

        impl $crate::wire::fields::Shape for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),+];

            fn take(
                fields: &mut $crate::wire::fields::Fields<'_>,
            ) -> Result<Self, $crate::problem::Failure> {
                Ok(Self { $($field: fields.take(stringify!($field))?,)+ })
            }

            fn fields() -> Vec<$crate::wire::fields::FieldDoc> {
                vec![$($crate::wire::fields::FieldDoc {
                    name: stringify!($field),
                    about: concat!($($doc),+),
                    need: <$type as $crate::wire::fields::Field>::NEED,
                    schema: <$type as $crate::wire::fields::Field>::schema(),
                },)+]
            }
        }
    )+};
}
pub(crate) use shape;

/// The shape of a request that says nothing but what it is.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Shape for Nothing {
    const NAMES: &'static [&'static str] = &[];

    fn take(_: &mut Fields<'_>) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn fields() -> Vec<FieldDoc> {
        Vec::new()
    }
}
