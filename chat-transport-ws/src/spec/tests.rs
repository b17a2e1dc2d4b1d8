use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::problem::Code;
use crate::wire::events::EVENTS;
use crate::wire::parse;
use crate::wire::requests::REQUESTS;

fn committed(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn parsed(document: &str) -> Value {
    serde_json::from_str(document).unwrap()
}

/// Frames of a golden file with their names.
fn golden(file: &str) -> Vec<(String, String)> {
    let text = committed(&format!("tests/golden/{file}"));
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(2).map(|pair| (pair[0].trim_start_matches("# ").to_owned(), pair[1].to_owned())).collect()
}

#[test]
fn the_committed_documents_are_these() {
    for (file, document) in [("openapi.json", openapi()), ("asyncapi.json", asyncapi())] {
        assert!(committed(file) == document, "run the example `spec` into {file}");
    }
}

#[test]
fn every_operation_is_in_openapi() {
    let document = parsed(&openapi());
    for operation in OPERATIONS.iter().chain(ACCOUNT_OPERATIONS) {
        let path = &document["paths"][format!("/v1{}", operation.path)];
        let method = operation.verb.method().as_str().to_lowercase();
        assert!(path[&method]["responses"].is_object(), "{method} {}", operation.path);
    }
    let without = parsed(&openapi_without_accounts());
    assert!(without["paths"]["/v1/friends"].is_object());
    assert!(without["paths"]["/v1/sessions"].is_null());
}

#[test]
fn operations_have_names_of_their_own() {
    let document = parsed(&openapi());
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut names: Vec<&str> = operations.filter_map(|operation| operation["operationId"].as_str()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn every_frame_is_in_asyncapi() {
    let document = parsed(&asyncapi());
    let messages = &document["components"]["messages"];
    for kind in REQUESTS {
        assert_eq!(messages[kind.name]["payload"]["properties"]["type"]["const"], kind.name);
        assert!(messages[format!("{}.ok", kind.name)].is_object(), "{}", kind.name);
    }
    for kind in EVENTS {
        let name = format!("push.{}", kind.name);
        let payload = &messages[&name]["payload"];
        assert_eq!(payload["allOf"][0]["properties"]["type"]["const"], kind.name);
    }
    assert!(messages["error"].is_object());
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(document: &Value, part: &Value) {
        if let Some(target) = part["$ref"].as_str() {
            assert!(document.pointer(&target[1..]).is_some(), "{target}");
        }
        match part {
            Value::Object(object) => object.values().for_each(|part| check(document, part)),
            Value::Array(items) => items.iter().for_each(|part| check(document, part)),
            _ => {}
        }
    }
    for document in [parsed(&openapi()), parsed(&asyncapi())] {
        check(&document, &document);
    }
}

/// Whether `value` is as `schema` says: as much of JSON Schema as the documents use.
fn admits(document: &Value, schema: &Value, value: &Value) -> bool {
    let Value::Object(schema) = schema else { return schema == &json!(true) };
    let each = |part: &Value, test: &dyn Fn(&Value) -> bool| {
        part.as_array().unwrap().iter().filter(|s| test(s)).count()
    };
    schema.iter().all(|(word, rule)| match word.as_str() {
        "$ref" => admits(document, document.pointer(&rule.as_str().unwrap()[1..]).unwrap(), value),
        "allOf" => each(rule, &|part| !admits(document, part, value)) == 0,
        "anyOf" => each(rule, &|part| admits(document, part, value)) > 0,
        "oneOf" => each(rule, &|part| admits(document, part, value)) == 1,
        "type" => match rule.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_u64(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            other => panic!("the documents use the type {other}"),
        },
        "const" => value == rule,
        "enum" => rule.as_array().unwrap().contains(value),
        "minimum" => value.as_u64().is_none_or(|number| number >= rule.as_u64().unwrap()),
        "maximum" => value.as_u64().is_none_or(|number| number <= rule.as_u64().unwrap()),
        "minLength" => {
            value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap())
        }
        "maxLength" => {
            value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap())
        }
        "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
        "required" => rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| admits(document, rule, item))),
        "properties" => value.as_object().is_none_or(|object| {
            object.iter().all(|(name, value)| rule.get(name).is_none_or(|part| admits(document, part, value)))
        }),
        "additionalProperties" => {
            let known = schema.get("properties").cloned().unwrap_or_default();
            let object = value.as_object().cloned().unwrap_or_default();
            let mut others = object.iter().filter(|(name, _)| known.get(name).is_none());
            others.all(|(_, value)| rule != &json!(false) && admits(document, rule, value))
        }
        "description" | "format" | "default" => true,
        "pattern" => value.is_string(),
        other => panic!("the documents use {other}"),
    })
}

/// Every golden frame is as its message's schema says, and nothing in it is unknown to the schema.
#[test]
fn the_schemas_fit_the_frames() {
    let document = parsed(&asyncapi());
    let messages = document["components"]["messages"].as_object().unwrap();
    let fits = |name: &str, frame: &Value| admits(&document, &messages[name]["payload"], frame);
    for (file, prefix) in [("requests.txt", ""), ("events.txt", "push."), ("failures.txt", "")] {
        for (name, frame) in golden(file) {
            let frame = parsed(&frame);
            let message = format!("{prefix}{}", frame["type"].as_str().unwrap());
            assert!(fits(&message, &frame), "{file}: {name}");
        }
    }
    for (name, frame) in golden("replies.txt") {
        let frame = parsed(&frame);
        let answers = REQUESTS.iter().map(|kind| format!("{}.ok", kind.name));
        let fitting = answers.filter(|message| fits(message, &frame)).count();
        assert!(fitting > 0, "{name}");
    }
    assert!(!fits("push.receipt", &json!({ "type": "receipt" })), "the check checks");
}

/// What the schema of a request says is needed, is, and it names all the fields there are.
#[test]
fn the_schemas_fit_the_reading() {
    let ana = Some(1_u64.into());
    for (name, frame) in golden("requests.txt") {
        let whole = parsed(&frame);
        let kind = REQUESTS.iter().find(|kind| whole["type"] == kind.name).unwrap();
        for field in (kind.fields)().iter().filter(|field| field.need == Need::Required) {
            let mut lacking = whole.clone();
            lacking.as_object_mut().unwrap().remove(field.name);
            let failure = parse(&lacking.to_string(), ana).unwrap().what.unwrap_err();
            assert_eq!(failure.code, Code::ValidationFailed, "{name}");
            assert_eq!(failure.field, Some(format!("/{}", field.name).into()), "{name}");
        }
        let mut more = whole.clone();
        more["surplus"] = json!(1);
        let failure = parse(&more.to_string(), ana).unwrap().what.unwrap_err();
        assert_eq!(failure.field.as_deref(), Some("/surplus"), "{name}");
    }
}

#[test]
fn every_code_is_stable() {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "validation_failed",
            "malformed",
            "unauthenticated",
            "token_expired",
            "forbidden",
            "not_found",
            "already_exists",
            "conflict",
            "client_id_reused",
            "last_owner",
            "limit_reached",
            "method_not_allowed",
            "not_accepted",
            "too_many_members",
            "payload_too_large",
            "unsupported_media_type",
            "range_not_satisfiable",
            "rate_limited",
            "overloaded",
            "unavailable",
            "internal",
        ]
    );
}
