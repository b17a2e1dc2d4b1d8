//! The published documents: OpenAPI 3.1 of REST and AsyncAPI 3.0 of the socket.
//!
//! Both are put together from what the code itself runs on: the tables of requests and operations, and the
//! declarations by which shapes are read and models are written. The files `openapi.json` and `asyncapi.json` of this
//! crate are these documents; a test compares them.
//!
//! ```
//! let document: serde_json::Value = serde_json::from_str(&chat_transport_ws::spec::openapi())?;
//! assert_eq!(document["openapi"], "3.1.0");
//! # Ok::<(), serde_json::Error>(())
//! ```

mod asyncapi;
mod files;
mod openapi;
#[cfg(test)]
mod tests;

use chat_core::attachment::{Attachment, Rendition, Upload};
use chat_core::command::{Friend, Member, Peer, Presence, Sent, Standpoint, Summary, SyncState};
use chat_core::event::{ReceiptEvent, TypingEvent};
use chat_core::{Changes, Entry, Message, Profile, Settings};
use serde_json::{Map, Value, json};

use crate::problem::{Failure, Problem};
use crate::rest::operations::{ACCOUNT_OPERATIONS, OPERATIONS};
use crate::wire::answers::{
    Amended, Befriended, Conversed, Created, EntriesView, FriendsView, HistoryView, Paged, Pong, Present,
    Subscribed, SyncAnswer, UserOrUsers,
};
use crate::wire::events::{FriendshipView, Gone, Reset};
use crate::wire::fields::{FieldDoc, Need};
use crate::wire::frames::{Closing, Hello};
use crate::wire::show::{Empty, Model};

/// The OpenAPI document of a router with accounts, as JSON.
pub fn openapi() -> String {
    let all = OPERATIONS.iter().chain(ACCOUNT_OPERATIONS);
    pretty(&openapi::document(all))
}

/// The OpenAPI document of a router without accounts, as JSON.
pub(crate) fn openapi_without_accounts() -> String {
    pretty(&openapi::document(OPERATIONS.iter()))
}

/// The AsyncAPI document, as JSON.
pub fn asyncapi() -> String {
    pretty(&asyncapi::document())
}

fn pretty(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("JSON values can be written");
    text.push('\n');
    text
}

/// What is published about a model.
pub(crate) struct ModelDoc {
    name: &'static str,
    about: &'static str,
    fields: Vec<FieldDoc>,
}

impl ModelDoc {
    /// Of this one.
    pub(crate) fn of<T: Model>() -> Self {
        Self { name: T::NAME, about: T::ABOUT, fields: T::fields() }
    }
}

/// All models.
fn models() -> Vec<ModelDoc> {
    let mut models = vec![
        ModelDoc::of::<Profile>(),
        ModelDoc::of::<Message>(),
        ModelDoc::of::<Attachment>(),
        ModelDoc::of::<Rendition>(),
        ModelDoc::of::<Upload>(),
        ModelDoc::of::<Entry>(),
        ModelDoc::of::<Changes>(),
        ModelDoc::of::<Summary>(),
        ModelDoc::of::<Settings>(),
        ModelDoc::of::<Friend>(),
        ModelDoc::of::<Member>(),
        ModelDoc::of::<Presence>(),
        ModelDoc::of::<Standpoint>(),
        ModelDoc::of::<Peer>(),
        ModelDoc::of::<SyncState>(),
        ModelDoc::of::<Empty>(),
        ModelDoc::of::<Pong>(),
        ModelDoc::of::<Subscribed>(),
        ModelDoc::of::<Sent>(),
        ModelDoc::of::<Amended<'_>>(),
        ModelDoc::of::<Befriended<'_>>(),
        ModelDoc::of::<Conversed<'_>>(),
        ModelDoc::of::<Created<'_>>(),
        ModelDoc::of::<Present<'_>>(),
        ModelDoc::of::<UserOrUsers<'_>>(),
        ModelDoc::of::<Paged<'_, Friend>>(),
        ModelDoc::of::<Paged<'_, Summary>>(),
        ModelDoc::of::<Paged<'_, Member>>(),
        ModelDoc::of::<Paged<'_, Profile>>(),
        ModelDoc::of::<HistoryView<'_>>(),
        ModelDoc::of::<EntriesView<'_>>(),
        ModelDoc::of::<SyncAnswer<'_>>(),
        ModelDoc::of::<FriendsView<'_>>(),
        ModelDoc::of::<ReceiptEvent>(),
        ModelDoc::of::<TypingEvent>(),
        ModelDoc::of::<FriendshipView<'_>>(),
        ModelDoc::of::<Gone>(),
        ModelDoc::of::<Reset>(),
        ModelDoc::of::<Hello<'_>>(),
        ModelDoc::of::<Closing>(),
        ModelDoc::of::<Failure>(),
        ModelDoc::of::<Problem<'_>>(),
    ];
    models.extend(crate::rest::account_models::all());
    models
}

/// The schemas of those models that `document` refers to, directly or through others.
fn schemas_for(document: &Value) -> Map<String, Value> {
    let models = models();
    let mut wanted = Vec::new();
    references(document, &mut wanted);
    let mut schemas = Map::new();
    while let Some(name) = wanted.pop() {
        if schemas.contains_key(&name) {
            continue;
        }
        let model = models.iter().find(|model| model.name == name);
        let model = model.unwrap_or_else(|| panic!("{name} is not among the models"));
        let mut schema = object_schema(&model.fields);
        schema.insert("description".to_owned(), model.about.trim().into());
        let schema = Value::Object(schema);
        references(&schema, &mut wanted);
        schemas.insert(name, schema);
    }
    schemas
}

/// The names of all schemas that a document refers to.
fn references(document: &Value, found: &mut Vec<String>) {
    match document {
        Value::Object(object) => {
            if let Some(name) =
                object.get("$ref").and_then(Value::as_str).and_then(|to| to.rsplit('/').next())
            {
                found.push(name.to_owned());
            }
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The schema of an object of these fields.
fn object_schema(fields: &[FieldDoc]) -> Map<String, Value> {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), described(field))).collect();
    let required: Vec<&str> =
        fields.iter().filter(|field| field.need == Need::Required).map(|field| field.name).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    if !properties.is_empty() {
        schema.insert("properties".to_owned(), Value::Object(properties));
    }
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

/// The schema of a field with what it is about.
fn described(field: &FieldDoc) -> Value {
    let mut schema = match &field.schema {
        Value::Object(schema) => schema.clone(),
        // `true`: anything.
        _ => Map::new(),
    };
    schema.insert("description".to_owned(), field.about.trim().into());
    Value::Object(schema)
}

/// One of these.
fn one_of(mut schemas: Vec<Value>) -> Value {
    if schemas.len() == 1 { schemas.remove(0) } else { json!({ "oneOf": schemas }) }
}
