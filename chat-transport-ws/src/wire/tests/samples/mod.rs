//! One of everything.

mod answers;
mod commands;

use chat_core::attachment::{Attachment, FileName, Rendition, Size};
use chat_core::command::{Friend, FriendsSince, Standpoint, Summary};
use chat_core::friendship::View;
use chat_core::{
    ClientId, Content, ConversationId, EntryId, Kind, Message, Metadata, Profile, Receipt, Relation, Role,
    Seq, Text, Timestamp, UserId,
};
use serde_json::json;
use uuid::Uuid;

pub(super) use answers::{entry, events, replies};
pub(super) use commands::commands;

pub(in crate::wire::tests) const ANA: u64 = 1;
const BO: u64 = 2;

pub(in crate::wire::tests) fn user(number: u64) -> UserId {
    UserId::from(number)
}

/// A UUID of this last digit.
pub(in crate::wire::tests) fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number)
}

pub(in crate::wire::tests) fn conversation(number: u128) -> ConversationId {
    uuid(number).into()
}

pub(in crate::wire::tests) fn seq(number: u64) -> Seq {
    Seq::new(number)
}

/// 2026-01-02T03:04:05.`millis`Z.
pub(in crate::wire::tests) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_767_323_045_000 + millis)
}

pub(in crate::wire::tests) fn client_id() -> ClientId {
    ClientId::new("c-1").unwrap()
}

fn metadata() -> Metadata {
    let object = json!({ "a/b": [1, { "~": null }] });
    Metadata::new(object.as_object().unwrap().clone()).unwrap()
}

fn ana() -> Profile {
    Profile::new(user(ANA)).username("ana").full_name("Ana \"A\" Example")
}

fn bo() -> Profile {
    let mut bo = Profile::new(UserId::from_external("bo@host")).username("bo");
    bo.picture = Some("/bo.png".to_owned());
    bo.external_id = Some("bo@host".to_owned());
    bo
}

pub(in crate::wire::tests) fn content(text: &str) -> Content {
    let mut content = Content::default();
    content.text = Some(Text::new(text).unwrap());
    content
}

pub(in crate::wire::tests) fn message(number: u64, content: Content) -> Message {
    let id: EntryId = uuid(100 + u128::from(number)).into();
    let mut message = Message::new(id, conversation(1), seq(number), client_id(), content, at(7));
    message.sender = Some(user(ANA));
    message
}

fn rendition(content_type: &str, bytes: u64, size: Option<(u32, u32)>) -> Rendition {
    let size = size.map(|(width, height)| Size { width, height });
    Rendition { content_type: content_type.to_owned(), bytes, size }
}

fn picture() -> Attachment {
    Attachment {
        id: uuid(20).into(),
        name: FileName::new("lake \u{1f30a}.jpg").unwrap(),
        file: rendition("image/jpeg", 123_456, Some((640, 480))),
        thumbnail: Some(rendition("image/jpeg", 7_890, Some((320, 240)))),
    }
}

fn letter() -> Attachment {
    Attachment {
        id: uuid(21).into(),
        name: FileName::new("letter.pdf").unwrap(),
        file: rendition("application/pdf", 1_024, None),
        thumbnail: None,
    }
}

fn full_message() -> Message {
    let mut full = content("hello\n\t\"wörld\" 😀");
    full.reply_to = Some(seq(2));
    full.attachments = vec![picture(), letter()];
    full.mentions = vec![user(BO), user(ANA)];
    full.metadata = Some(metadata());
    let mut message = message(3, full);
    message.rev = seq(5);
    message.edited_at = Some(at(8));
    message
}

fn deleted_message() -> Message {
    let mut message = message(4, Content::default());
    message.sender = None;
    message.rev = seq(6);
    message.deleted_at = Some(at(9));
    message
}

fn summary() -> Summary {
    let mut summary = Summary::new(conversation(1), Kind::Group, at(0));
    summary.name = Some("Plans".to_owned());
    summary.picture = Some("/plans.png".to_owned());
    summary.role = Some(Role::Owner);
    summary.head = seq(9);
    summary.standpoint = standpoint();
    summary.last_message = Some(full_message());
    summary.member_count = 3;
    summary.metadata = Some(metadata());
    summary
}

fn direct() -> Summary {
    let mut summary = Summary::new(conversation(2), Kind::Direct, at(0));
    summary.with = Some(bo());
    summary.role = Some(Role::Member);
    summary.member_count = 2;
    summary
}

fn standpoint() -> Standpoint {
    Standpoint { receipt: receipt(), unread: 4 }
}

fn receipt() -> Receipt {
    Receipt { read: seq(5), delivered: seq(7) }
}

fn friend() -> Friend {
    Friend { user: bo(), view: View { relation: Relation::Incoming, blocked: false }, at: at(1) }
}

fn friends_since() -> FriendsSince {
    FriendsSince { cursor: 17, reset: false, items: vec![friend()] }
}

pub(in crate::wire::tests) fn me() -> Profile {
    ana()
}
