//! AsyncAPI 3.0, from the tables of requests and events.

use serde_json::{Map, Value, json};

use super::{object_schema, one_of, schemas_for};
use crate::wire::events::{EVENTS, Kind as EventKind};
use crate::wire::requests::{Kind, REQUESTS};

/// The document.
pub(super) fn document() -> Value {
    let mut messages = Map::new();
    let mut operations = Map::new();
    for kind in REQUESTS {
        messages.insert(kind.name.to_owned(), request(kind));
        messages.insert(ok_name(kind), ok(kind));
        operations.insert(kind.name.to_owned(), asking(kind));
    }
    messages.insert("error".to_owned(), error());
    for kind in EVENTS {
        messages.insert(push_name(kind), event(kind));
        operations.insert(push_name(kind), pushing(kind));
    }
    let names: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    let schemas = schemas_for(&Value::Object(messages.clone()));
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chat",
            "version": "1",
            "description": "Everything live. Each request is answered by exactly one `ok` or `error` with its `id`; \
                what is pushed answers none. JSON text frames, subprotocol `chat.v1`.",
        },
        "defaultContentType": "application/json",
        "channels": { "socket": { "address": "/v1/ws", "messages": names, "bindings": { "ws": { "method": "GET" } } } },
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    })
}

fn ok_name(kind: &Kind) -> String {
    format!("{}.ok", kind.name)
}

/// Some events are called as requests are.
fn push_name(kind: &EventKind) -> String {
    format!("push.{}", kind.name)
}

/// The id of a request and of its answer.
fn id() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": (1_u64 << 53) - 1 })
}

fn request(kind: &Kind) -> Value {
    let mut payload = Value::Object(object_schema(&(kind.fields)()));
    payload["properties"]["id"] = id();
    payload["properties"]["type"] = json!({ "const": kind.name });
    let mut required = payload["required"].as_array().cloned().unwrap_or_default();
    required.splice(0..0, [json!("id"), json!("type")]);
    payload["required"] = required.into();
    payload["additionalProperties"] = false.into();
    json!({ "summary": kind.about.trim(), "payload": payload })
}

fn ok(kind: &Kind) -> Value {
    let envelope = json!({
        "type": "object",
        "properties": { "id": id(), "type": { "const": "ok" } },
        "required": ["id", "type"],
    });
    json!({ "payload": { "allOf": [envelope, (kind.answer)()] } })
}

fn error() -> Value {
    let envelope = json!({
        "type": "object",
        "properties": { "id": id(), "type": { "const": "error" } },
        "required": ["type"],
    });
    let failure = json!({ "$ref": "#/components/schemas/Failure" });
    json!({
        "summary": "A request was not done; without an id: a frame could not be parsed.",
        "payload": { "allOf": [envelope, failure] },
    })
}

fn event(kind: &EventKind) -> Value {
    let envelope = json!({
        "type": "object",
        "properties": { "type": { "const": kind.name } },
        "required": ["type"],
    });
    json!({
        "summary": kind.about.trim(),
        "payload": { "allOf": [envelope, one_of(kind.models.iter().map(|schema| schema()).collect())] },
    })
}

fn reference(message: &str) -> Value {
    json!({ "$ref": format!("#/channels/socket/messages/{message}") })
}

fn asking(kind: &Kind) -> Value {
    let channel = json!({ "$ref": "#/channels/socket" });
    json!({
        "action": "receive",
        "channel": channel,
        "summary": kind.about.trim(),
        "messages": [reference(kind.name)],
        "reply": { "channel": channel, "messages": [reference(&ok_name(kind)), reference("error")] },
    })
}

fn pushing(kind: &EventKind) -> Value {
    json!({
        "action": "send",
        "channel": { "$ref": "#/channels/socket" },
        "summary": kind.about.trim(),
        "messages": [reference(&push_name(kind))],
    })
}
