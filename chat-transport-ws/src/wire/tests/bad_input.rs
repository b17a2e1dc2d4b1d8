//! Every rule about what clients send, with the code and field it is answered with.

use super::samples;
use crate::problem::Code;
use crate::wire::parse;

/// The code and field of the failure that a frame is answered with.
fn answer(frame: &str) -> (Code, Option<String>) {
    let request = parse(frame, Some(samples::user(samples::ANA)));
    let failure = match request.map(|request| request.what) {
        Err(_) => return (Code::Malformed, None),
        Ok(Ok(read)) => panic!("{frame} was read as {read:?}"),
        Ok(Err(failure)) => failure,
    };
    (failure.code, failure.field.map(Into::into))
}

#[test]
fn what_is_no_request_is_malformed_without_an_id() {
    for frame in [
        "",
        " ",
        "{",
        "null",
        "7",
        "\"ping\"",
        "[]",
        "[{\"id\":1,\"type\":\"ping\"}]",
        "\u{feff}{\"id\":1,\"type\":\"ping\"}",
        "{\"id\":1,\"type\":\"ping\"} x",
        "{\"id\":1,\"type\":\"ping\"}{}",
        "{\"id\":1,\"type\":\"ping\",}",
        "{\"id\":1,\"type\":\"\\ud800\"}",
        "{\"id\":1,\"type\":\"ping\",\"x\":1e999}",
        "{\"id\":1,\"type\":\"pi\nng\"}",
        // The id.
        "{\"type\":\"ping\"}",
        "{\"id\":null,\"type\":\"ping\"}",
        "{\"id\":\"1\",\"type\":\"ping\"}",
        "{\"id\":1.0,\"type\":\"ping\"}",
        "{\"id\":1e0,\"type\":\"ping\"}",
        "{\"id\":-1,\"type\":\"ping\"}",
        "{\"id\":-0,\"type\":\"ping\"}",
        "{\"id\":9007199254740992,\"type\":\"ping\"}",
        "{\"id\":1,\"id\":1,\"type\":\"ping\"}",
        "{\"id\":1,\"\\u0069d\":1,\"type\":\"ping\"}",
        // The type.
        "{\"id\":1}",
        "{\"id\":1,\"type\":null}",
        "{\"id\":1,\"type\":7}",
        "{\"id\":1,\"type\":[\"ping\"]}",
        "{\"id\":1,\"type\":\"ping\",\"type\":\"ping\"}",
    ] {
        assert!(parse(frame, None).is_err(), "{frame:?} was taken");
    }
    let deep = format!("{{\"id\":1,\"type\":\"ping\",\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
    assert!(parse(&deep, None).is_err());
}

#[test]
fn the_id_goes_up_to_2_to_the_53() {
    for id in [0, 1, 9_007_199_254_740_991_u64] {
        let request = parse(&format!("{{\"type\":\"ping\",\"id\":{id}}}"), None).unwrap();
        assert_eq!(request.id, id);
        assert!(request.what.is_ok());
    }
}

#[test]
fn an_unknown_type_names_the_type() {
    for name in ["", "Ping", "message.sent", "conversation.ban", "friend.withdraw", "\\u0000", "__proto__"] {
        let frame = format!("{{\"id\":1,\"type\":\"{name}\",\"whatever\":[]}}");
        assert_eq!(answer(&frame), (Code::ValidationFailed, Some("/type".to_owned())), "{name}");
    }
}

/// A conversation's id.
const C: &str = r#""conversation":"01900000-0000-7000-8000-000000000001""#;

/// A request, its fields (`C` stands for the above), and the field that is named.
#[rustfmt::skip]
const RULES: &[(&str, &str, &str)] = &[
    // Unknown, repeated, missing, of another type, null.
    ("ping", r#""x":1"#, "/x"),
    ("ping", r#""a/b~c":1"#, "/a~1b~0c"),
    ("ping", r#""":1"#, "/"),
    ("ping", r#""x":1,"x":1"#, "/x"),
    ("message.send", r#"C,"client_id":"c","text":"a","text":"a""#, "/text"),
    ("message.send", r#"C,"client_id":"c","text":"a","metadata":{"a":[{"b/c":1,"b/c":2}]}"#, "/metadata/a/0/b~1c"),
    ("message.send", r#"C,"client_id":"c","text":"a","constructor":{}"#, "/constructor"),
    ("message.send", r#"C,"text":"a""#, "/client_id"),
    ("message.send", r#"C,"client_id":null,"text":"a""#, "/client_id"),
    ("message.send", r#"C,"client_id":7,"text":"a""#, "/client_id"),
    ("message.send", r#"C,"client_id":"","text":"a""#, "/client_id"),
    ("message.send", r#"C,"client_id":"with space","text":"a""#, "/client_id"),
    ("message.send", r#"C,"client_id":"ümlaut","text":"a""#, "/client_id"),
    ("message.send", r#"C,"client_id":"12345678901234567890123456789012345678901234567890123456789012345","text":"a""#, "/client_id"),
    // Text.
    ("message.send", r#"C,"client_id":"c""#, "/text"),
    ("message.send", r#"C,"client_id":"c","text":null"#, "/text"),
    ("message.send", r#"C,"client_id":"c","text":{"$ne":null}"#, "/text"),
    ("message.send", r#"C,"client_id":"c","text":["a"]"#, "/text"),
    ("message.send", r#"C,"client_id":"c","text":"""#, "/text"),
    ("message.send", r#"C,"client_id":"c","text":" \n\t\u3000""#, "/text"),
    ("message.send", r#"C,"client_id":"c","text":"a\u0000""#, "/text"),
    ("message.send", r#"C,"client_id":"c","text":"a\u001b[31m""#, "/text"),
    ("message.send", r#"C,"client_id":"c","text":"a\r""#, "/text"),
    ("message.send", r#"C,"client_id":"c","text":"a\u0085""#, "/text"),
    // The rest of a message.
    ("message.send", r#"C,"client_id":"c","text":"a","attachments":[{}]"#, "/attachments/0"),
    ("message.send", r#"C,"client_id":"c","text":"a","attachments":"f""#, "/attachments"),
    ("message.send", r#"C,"client_id":"c","attachments":[]"#, "/text"),
    ("message.send", r#"C,"client_id":"c","text":"a","reply_to":1.0"#, "/reply_to"),
    ("message.send", r#"C,"client_id":"c","text":"a","reply_to":-1"#, "/reply_to"),
    ("message.send", r#"C,"client_id":"c","text":"a","reply_to":9007199254740992"#, "/reply_to"),
    ("message.send", r#"C,"client_id":"c","text":"a","reply_to":"1""#, "/reply_to"),
    ("message.send", r#"C,"client_id":"c","text":"a","mentions":"2""#, "/mentions"),
    ("message.send", r#"C,"client_id":"c","text":"a","mentions":["2",3]"#, "/mentions/1"),
    ("message.send", r#"C,"client_id":"c","text":"a","mentions":["2",null]"#, "/mentions/1"),
    ("message.send", r#"C,"client_id":"c","text":"a","metadata":[]"#, "/metadata"),
    ("message.send", r#"C,"client_id":"c","text":"a","metadata":null"#, "/metadata"),
    ("message.send", r#"C,"client_id":"c","text":"a","metadata":{"a":"\u0000"}"#, "/metadata"),
    ("message.send", r#"C,"client_id":"c","text":"a","metadata":{"\u0000":1}"#, "/metadata"),
    ("message.send", r#"C,"client_id":"c","text":"a","metadata":{"a":[[[[[[[[1]]]]]]]]}"#, "/metadata"),
    ("message.edit", r#"C,"seq":1,"text":"""#, "/text"),
    ("message.edit", r#"C,"seq":1,"reply_to":2"#, "/reply_to"),
    ("message.edit", r#"C,"seq":1,"client_id":null"#, "/client_id"),
    ("message.edit", r#"C,"seq":null"#, "/seq"),
    ("message.edit", r#"C,"text":"a""#, "/seq"),
    ("message.edit", r#"C,"seq":1,"rev":true"#, "/rev"),
    // Alternatives.
    ("message.send", r#""client_id":"c","text":"a""#, "/conversation"),
    ("message.send", r#"C,"to":"2","client_id":"c","text":"a""#, "/to"),
    ("friend.request", "", "/user"),
    ("friend.request", r#""user":"2","username":"bo""#, "/username"),
    ("user.get", "", "/user"),
    ("user.get", r#""user":"2","users":["2"]"#, "/users"),
    ("user.get", r#""username":"bo","users":["2"]"#, "/users"),
    ("history", r#"C,"before":1,"after":1"#, "/after"),
    ("history", r#"C,"after":1,"around":1"#, "/around"),
    ("receipt", "C", "/read"),
    // Words.
    ("typing", "C", "/active"),
    ("typing", r#"C,"active":"yes""#, "/active"),
    ("typing", r#"C,"active":1"#, "/active"),
    ("friend.list", r#""state":"enemies""#, "/state"),
    ("friend.list", r#""state":"Friends""#, "/state"),
    ("conversation.create", r#""kind":"direct","client_id":"c""#, "/kind"),
    ("conversation.create", r#""client_id":"c""#, "/kind"),
    ("conversation.create", r#""kind":"group""#, "/client_id"),
    ("conversation.create", r#""kind":"group","client_id":"c","name":null"#, "/name"),
    ("conversation.create", r#""kind":"group","client_id":"c","name":"a\u0007""#, "/name"),
    ("conversation.create", r#""kind":"group","client_id":"c","history":"none""#, "/history"),
    ("conversation.create", r#""kind":"group","client_id":"c","members":{}"#, "/members"),
    ("conversation.update", r#"C,"join":null"#, "/join"),
    ("conversation.update", r#"C,"history":"all""#, "/history"),
    ("conversation.update", r#"C,"metadata":"a""#, "/metadata"),
    ("conversation.set_role", r#"C,"user":"2","role":"king""#, "/role"),
    ("conversation.add", "C", "/users"),
    ("conversation.remove", r#"C,"user":["2"]"#, "/user"),
    // Lists.
    ("conversation.list", r#""limit":0"#, "/limit"),
    ("conversation.list", r#""limit":201"#, "/limit"),
    ("conversation.list", r#""limit":1.0"#, "/limit"),
    ("conversation.list", r#""limit":"50""#, "/limit"),
    ("conversation.list", r#""cursor":"""#, "/cursor"),
    ("conversation.list", r#""cursor":"AAAA""#, "/cursor"),
    ("conversation.list", r#""cursor":7"#, "/cursor"),
    ("user.search", "", "/query"),
    ("user.search", r#""query":"  ""#, "/query"),
    ("user.search", r#""query":"a\u0000""#, "/query"),
    // The connection.
    ("auth", "", "/token"),
    ("auth", r#""token":null"#, "/token"),
    ("auth", r#""token":"t","resume":"true""#, "/resume"),
    ("sync", r#""epoch":7"#, "/epoch"),
    ("sync", r#""friends":17"#, "/friends"),
    ("sync", r#""friends":"17""#, "/friends"),
    ("sync", r#""next":"01900000-0000-7000-8000-000000000001""#, "/next"),
    ("sync", r#""conversations":[]"#, "/conversations"),
    ("sync", r#""conversations":{"01900000-0000-7000-8000-000000000001":null}"#, "/conversations/01900000-0000-7000-8000-000000000001"),
    ("sync", r#""conversations":{"01900000-0000-7000-8000-000000000001":1.5}"#, "/conversations/01900000-0000-7000-8000-000000000001"),
    ("sync", r#""conversations":{"01900000-0000-7000-8000-000000000001":1,"01900000-0000-7000-8000-000000000001":1}"#, "/conversations/01900000-0000-7000-8000-000000000001"),
    ("sync", r#""more":"true""#, "/more"),
    ("presence.watch", "", "/users"),
    // Ids are strings.
    ("subscribe", r#""conversation":7"#, "/conversation"),
    ("friend.request", r#""user":2"#, "/user"),
];

#[test]
fn each_rule_about_shape_names_the_field() {
    for (name, fields, field) in RULES {
        let fields = fields.replacen('C', C, usize::from(fields.starts_with('C')));
        let comma = if fields.is_empty() { "" } else { "," };
        let frame = format!("{{\"id\":1,\"type\":\"{name}\"{comma}{fields}}}");
        assert_eq!(answer(&frame), (Code::ValidationFailed, Some((*field).to_owned())), "{frame}");
    }
}

#[test]
fn what_cannot_be_an_id_does_not_exist() {
    for (name, fields) in [
        ("conversation.get", r#""conversation":"""#),
        ("conversation.get", r#""conversation":"general""#),
        ("conversation.get", r#""conversation":"01900000-0000-7000-8000-00000000000A""#),
        ("conversation.get", r#""conversation":"{01900000-0000-7000-8000-000000000001}""#),
        ("friend.request", r#""user":"+2""#),
        ("friend.request", r#""user":"02""#),
        ("friend.request", r#""user":"2\u0000""#),
        ("friend.request", r#""user":"00000000-0000-0000-0000-000000000000""#),
        ("user.get", r#""users":["2","x"]"#),
        ("message.send", r#"C,"client_id":"c","text":"a","mentions":["bo"]"#),
        ("message.send", r#""to":"bo","client_id":"c","text":"a""#),
        ("sync", r#""conversations":{"x":1}"#),
    ] {
        let frame = format!("{{\"id\":1,\"type\":\"{name}\",{}}}", fields.replacen('C', C, 1));
        assert_eq!(answer(&frame), (Code::NotFound, None), "{frame}");
    }
}

#[test]
fn shape_is_judged_before_existence() {
    for (name, fields, field) in [
        ("conversation.get", r#""conversation":"x","y":1"#, "/y"),
        ("message.send", r#""conversation":"x","client_id":"c","text":"""#, "/text"),
        ("message.send", r#""conversation":"x","to":"y","client_id":"c","text":"a""#, "/to"),
        ("conversation.members", r#""conversation":"x","cursor":"AAAA""#, "/cursor"),
        ("receipt", r#""conversation":"x""#, "/read"),
    ] {
        let frame = format!("{{\"id\":1,\"type\":\"{name}\",{fields}}}");
        assert_eq!(answer(&frame), (Code::ValidationFailed, Some(field.to_owned())), "{frame}");
    }
}

#[test]
fn a_cursor_of_another_list_or_user_is_refused() {
    use chat_core::{Command, Limit};

    let (ana, bo) = (samples::user(samples::ANA), samples::user(2));
    let after = Some(samples::conversation(1));
    let frame = super::speak::frame(1, ana, &Command::Conversations { after, limit: Limit::default() });
    let frame = frame.to_string();
    assert!(parse(&frame, Some(ana)).unwrap().what.is_ok());
    for other in [
        parse(&frame, Some(bo)),
        parse(&frame.replace("conversation.list", "friend.list"), Some(ana)),
        parse(&frame.replace("conversation.list", "sync").replace("cursor", "next"), Some(ana)),
    ] {
        let failure = other.unwrap().what.unwrap_err();
        assert_eq!(failure.code, Code::ValidationFailed);
        assert!(matches!(failure.field.as_deref(), Some("/cursor" | "/next")));
    }
    // Whoever is not let in yet is not told about cursors.
    assert!(parse(&frame, None).unwrap().what.is_ok());
}

#[test]
fn an_epoch_that_is_none_is_another_one() {
    let request = parse(r#"{"id":1,"type":"sync","epoch":"before the flood"}"#, None).unwrap();
    let Ok(crate::wire::Incoming::Command(chat_core::Command::Sync(sync))) = request.what else { panic!() };
    assert_eq!(sync.epoch, Some(uuid::Uuid::nil()));
}
