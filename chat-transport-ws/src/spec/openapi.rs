//! OpenAPI 3.1, from the table of operations.

use serde_json::{Map, Value, json};

use super::{files, object_schema, one_of, schemas_for};
use crate::rest::operations::{Body, Operation, Success, Verb};
use crate::wire::fields::{FieldDoc, Need};
use crate::wire::show::{Empty, Show as _};

/// The document of these operations.
pub(super) fn document<'o>(operations: impl Iterator<Item = &'o Operation>) -> Value {
    let mut paths = service();
    for operation in operations {
        let path = paths.entry(format!("/v1{}", operation.path)).or_insert_with(|| json!({}));
        path[operation.verb.method().as_str().to_lowercase()] = described_operation(operation);
    }
    paths.extend(files::paths());
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chat",
            "version": "1",
            "description": "Everything that is not live; the socket is in asyncapi.json. Failures are \
                application/problem+json with a stable `code`.",
        },
        "servers": [{ "url": ".." }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
            "responses": { "Problem": {
                "description": "It was not done.",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            } },
        },
    });
    document["components"]["schemas"] = Value::Object(schemas_for(&document["paths"]));
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    let problem = schemas_for(&problem);
    for (name, schema) in problem {
        document["components"]["schemas"][name] = schema;
    }
    document
}

fn described_operation(operation: &Operation) -> Value {
    let fields = operation.fields();
    let in_path = |field: &FieldDoc| operation.parameters().any(|parameter| parameter == field.name);
    let (path, rest): (Vec<FieldDoc>, Vec<FieldDoc>) = fields.into_iter().partition(in_path);
    let mut parameters: Vec<Value> =
        path.iter().map(|field| parameter(field, "path", Need::Required)).collect();
    let mut described = json!({ "operationId": operation_id(operation), "summary": operation.about() });
    if operation.verb == Verb::Get {
        parameters.extend(rest.iter().map(|field| parameter(field, "query", field.need)));
    } else {
        if rest.iter().any(|field| field.name == "client_id") {
            parameters.push(json!({
                "name": "Idempotency-Key", "in": "header", "required": false,
                "description": "The `client_id`, instead of in the body.", "schema": { "type": "string" },
            }));
        }
        if !rest.is_empty() {
            described["requestBody"] = request_body(operation, rest);
        }
    }
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if operation.is_public() {
        described["security"] = json!([]);
    }
    described["responses"] = responses(operation);
    described
}

fn parameter(field: &FieldDoc, place: &str, need: Need) -> Value {
    json!({
        "name": field.name,
        "in": place,
        "required": need == Need::Required,
        "description": field.about.trim(),
        "schema": field.schema,
    })
}

fn request_body(operation: &Operation, mut fields: Vec<FieldDoc>) -> Value {
    // It may come in the header.
    for field in fields.iter_mut().filter(|field| field.name == "client_id") {
        field.need = Need::Optional;
    }
    let mut schema = object_schema(&fields);
    schema.insert("additionalProperties".to_owned(), false.into());
    json!({
        "required": operation.body == Body::Needed,
        "content": { "application/json": { "schema": schema } },
    })
}

fn responses(operation: &Operation) -> Value {
    let answers = operation.answers();
    let mut responses = Map::new();
    if operation.success == Success::Accepted {
        let about = "It will be done, if there is anything to do.";
        responses.insert("202".to_owned(), json!({ "description": about }));
    } else if answers == [Empty::schema()] {
        responses.insert("204".to_owned(), json!({ "description": "Done." }));
    } else {
        let content = json!({ "application/json": { "schema": one_of(answers) } });
        if operation.success == Success::Created {
            responses.insert("201".to_owned(), json!({ "description": "Made.", "content": content }));
        }
        if operation.success == Success::Ok || operation.may_repeat() {
            let about = if operation.success == Success::Ok { "Done." } else { "It was there already." };
            responses.insert("200".to_owned(), json!({ "description": about, "content": content }));
        }
    }
    responses.insert("default".to_owned(), json!({ "$ref": "#/components/responses/Problem" }));
    Value::Object(responses)
}

/// `post_conversations_conversation_messages`: stable, and a name in every language.
fn operation_id(operation: &Operation) -> String {
    let words =
        operation.path.split('/').filter(|part| !part.is_empty()).map(|part| part.trim_matches(['{', '}']));
    std::iter::once(operation.verb.method().as_str().to_lowercase().as_str())
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

/// The routes that are no operations of the table: for operators, for readers, and the socket.
fn service() -> Map<String, Value> {
    let get = |about: &str, status: &str, content: Value| {
        json!({ "get": {
            "summary": about,
            "security": [],
            "responses": {
                status: { "description": "Here it is.", "content": content },
                "default": { "$ref": "#/components/responses/Problem" },
            },
        } })
    };
    let json = || json!({ "application/json": {} });
    [
        ("/healthz", get("Whether the process is alive.", "200", json())),
        ("/readyz", get("Whether the store can be reached.", "200", json())),
        ("/v1/openapi.json", get("This document.", "200", json())),
        ("/v1/asyncapi.json", get("The document of the socket.", "200", json())),
        ("/docs", get("All operations and frames on a page.", "200", json!({ "text/html": {} }))),
        ("/v1/ws", get("Opens the socket, whose frames are in asyncapi.json.", "101", json!({}))),
    ]
    .map(|(path, item)| (path.to_owned(), item))
    .into_iter()
    .collect()
}
