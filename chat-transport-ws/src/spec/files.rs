//! The routes of files in the document: their bodies are bytes, so they are no operations of the table.

use chat_core::AttachmentId;
use chat_core::attachment::{Attachment, Upload};
use serde_json::{Map, Value, json};

use crate::wire::show::Show as _;

/// Their paths.
pub(super) fn paths() -> Map<String, Value> {
    let one = json!({ "get": given("", "The bytes of a file, whole or a range."), "patch": go_on(), "delete": discard() });
    let thumbnail = json!({ "get": given("_thumbnail", "The bytes of the small picture of a file.") });
    [
        ("/v1/attachments", json!({ "post": begin() })),
        ("/v1/attachments/{attachment}", one),
        ("/v1/attachments/{attachment}/upload", json!({ "get": progress() })),
        ("/v1/attachments/{attachment}/thumbnail", thumbnail),
    ]
    .map(|(path, item)| (path.to_owned(), item))
    .into_iter()
    .collect()
}

fn problem() -> Value {
    json!({ "$ref": "#/components/responses/Problem" })
}

fn id() -> Value {
    json!({
        "name": "attachment", "in": "path", "required": true,
        "description": "Which file.", "schema": AttachmentId::schema(),
    })
}

fn number(name: &str, needed: bool, about: &str) -> Value {
    let schema = json!({ "type": "integer", "minimum": 0 });
    json!({ "name": name, "in": "query", "required": needed, "description": about, "schema": schema })
}

fn said(about: &str, schema: &Value) -> Value {
    json!({ "description": about, "content": { "application/json": { "schema": schema } } })
}

fn begin() -> Value {
    let form = json!({ "schema": {
        "type": "object", "required": ["file"],
        "properties": { "file": { "type": "string", "contentMediaType": "application/octet-stream" } },
    } });
    let name = json!({
        "name": "name", "in": "query", "required": false, "schema": { "type": "string" },
        "description": "What it is called; else what the form says.",
    });
    let either = json!({ "oneOf": [Attachment::schema(), Upload::schema()] });
    json!({
        "operationId": "post_attachments",
        "summary": "Brings a file: whole, or, when `bytes` is told and the body is empty, in pieces that follow.",
        "parameters": [name, number("bytes", false, "How long it will be.")],
        "requestBody": { "content": { "application/octet-stream": {}, "multipart/form-data": form } },
        "responses": { "201": said("It is there, or it may come.", &either), "default": problem() },
    })
}

fn go_on() -> Value {
    json!({
        "operationId": "patch_attachments_attachment",
        "summary": "More bytes of a file that is coming.",
        "parameters": [id(), number("offset", true, "How many bytes are there.")],
        "requestBody": { "required": true, "content": { "application/octet-stream": {} } },
        "responses": { "200": said("How far it is now.", &Upload::schema()), "default": problem() },
    })
}

fn discard() -> Value {
    json!({
        "operationId": "delete_attachments_attachment",
        "summary": "Takes back a file that is part of no message.",
        "parameters": [id()],
        "responses": { "204": { "description": "Done." }, "default": problem() },
    })
}

fn progress() -> Value {
    json!({
        "operationId": "get_attachments_attachment_upload",
        "summary": "How far one's own file has come.",
        "parameters": [id()],
        "responses": { "200": said("Here it is.", &Upload::schema()), "default": problem() },
    })
}

fn given(which: &str, about: &str) -> Value {
    json!({
        "operationId": format!("get_attachments_attachment{which}"),
        "summary": about,
        "parameters": [id()],
        "responses": {
            "200": { "description": "All of it.", "content": { "*/*": {} } },
            "206": { "description": "The range that was asked for.", "content": { "*/*": {} } },
            "304": { "description": "It is what is known." },
            "default": problem(),
        },
    })
}
