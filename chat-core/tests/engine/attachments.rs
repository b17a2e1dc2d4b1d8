//! Files of messages through the engine: whose they are, what they hang on, who sees them, when they go.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chat_core::attachment::{
    ByteStream, FileError, FileName, Files, Finished, Form, NewUpload, Rendition, Upload,
};
use chat_core::conformance::{Faults, Gates, Loss};
use chat_core::memory::MemoryStore;
use chat_core::testing::ManualClock;
use chat_core::{
    AttachmentId, Chat, ChatError, Content, ConversationId, Draft, Edit, Limits, Message, Patch, Seq, Store,
    Timestamp,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::common::*;

/// Files in a map. A file that begins with `?` is of a type that is not taken.
#[derive(Default)]
struct Shelf(Mutex<HashMap<AttachmentId, Vec<u8>>>);

impl Shelf {
    fn has(&self, id: AttachmentId) -> bool {
        self.0.lock().unwrap().contains_key(&id)
    }
}

#[async_trait]
impl Files for Shelf {
    async fn received(&self, id: AttachmentId) -> Result<u64, FileError> {
        Ok(self.0.lock().unwrap().get(&id).map_or(0, |bytes| bytes.len() as u64))
    }

    async fn receive(
        &self,
        id: AttachmentId,
        _from: u64,
        bytes_max: u64,
        mut body: ByteStream,
    ) -> Result<u64, FileError> {
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|_| FileError::Cut)?;
            let mut files = self.0.lock().unwrap();
            let file = files.entry(id).or_default();
            file.extend_from_slice(&bytes);
            if file.len() as u64 > bytes_max {
                return Err(FileError::TooLarge);
            }
        }
        self.received(id).await
    }

    async fn finish(&self, id: AttachmentId, bytes: u64) -> Result<Finished, FileError> {
        let files = self.0.lock().unwrap();
        if files[&id].first() == Some(&b'?') {
            return Err(FileError::Unsupported);
        }
        let file = Rendition { content_type: "text/plain".to_owned(), bytes, size: None };
        Ok(Finished { file, thumbnail: None })
    }

    async fn clear(&self, _id: AttachmentId) -> Result<(), FileError> {
        Ok(())
    }

    async fn read(&self, id: AttachmentId, _form: Form, range: Range<u64>) -> Result<ByteStream, FileError> {
        let files = self.0.lock().unwrap();
        let file = files.get(&id).ok_or(FileError::Missing)?;
        let part = file[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()].to_vec();
        Ok(stream::iter([Ok(Bytes::from(part))]).boxed())
    }

    async fn remove(&self, id: AttachmentId) -> Result<(), FileError> {
        self.0.lock().unwrap().remove(&id);
        Ok(())
    }
}

/// A chat with files, and what stands still in it.
struct Scene {
    chat: Chat,
    shelf: Arc<Shelf>,
    clock: ManualClock,
}

impl Scene {
    /// Ana and Bo are friends here.
    async fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new()), Limits::default()).await
    }

    async fn over(store: Arc<dyn Store>, limits: Limits) -> Self {
        let (shelf, clock) = (Arc::new(Shelf::default()), ManualClock::at(Timestamp::from_millis(1_000)));
        let builder = Chat::over(store).limits(limits).clock(Arc::new(clock.clone()));
        let chat = builder.files(Arc::clone(&shelf) as Arc<dyn Files>).build().await.unwrap();
        befriend(&chat, 1, 2).await;
        Self { chat, shelf, clock }
    }

    async fn begin(&self, by: u64, bytes: Option<u64>) -> Result<Upload, ChatError> {
        let name = FileName::new("a.txt").unwrap();
        self.chat.actor(user(by)).begin_upload(NewUpload { name, bytes }).await
    }

    async fn bring(&self, by: u64, bytes: &'static [u8]) -> Result<AttachmentId, ChatError> {
        let upload = self.begin(by, None).await?;
        self.chat.actor(user(by)).receive(upload.id, 0, body(bytes)).await.map(|upload| upload.id)
    }

    async fn file(&self, by: u64) -> AttachmentId {
        self.bring(by, b"hello").await.unwrap()
    }

    /// A message of Ana's to Bo with a file.
    async fn sent(&self, id: AttachmentId) -> Message {
        self.chat.actor(user(1)).send(user(2), with([id])).await.unwrap().message
    }

    /// What somebody gets of a file, or why not.
    async fn read(&self, by: u64, id: AttachmentId) -> Result<Vec<u8>, ChatError> {
        let found = self.chat.actor(user(by)).attachment(id).await?;
        let length = found.attachment.file.bytes;
        let stream = found.bytes(Form::File, 0..length).await?;
        Ok(stream.try_fold(Vec::new(), async |all, bytes| Ok([all, bytes.to_vec()].concat())).await.unwrap())
    }

    async fn sees(&self, by: u64, id: AttachmentId) -> bool {
        match self.read(by, id).await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.code(), "not_found");
                false
            }
        }
    }

    /// Waits until what a commit has left behind it is done.
    async fn until_gone(&self, id: AttachmentId) {
        let gone = async {
            while self.shelf.has(id) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, gone).await.expect("it goes");
    }

    async fn a_day_later(&self) {
        self.clock.advance(Duration::from_secs(86_401));
        self.chat.catch_up_now().await.unwrap();
    }
}

fn body(bytes: &'static [u8]) -> ByteStream {
    stream::iter([Ok(Bytes::from_static(bytes))]).boxed()
}

fn cut(bytes: &'static [u8]) -> ByteStream {
    body(bytes).chain(stream::iter([Err(std::io::Error::other("cut"))])).boxed()
}

fn with(ids: impl IntoIterator<Item = AttachmentId>) -> Draft {
    Draft::new(Content::default()).attachments(ids)
}

fn only(ids: Vec<AttachmentId>) -> Edit {
    let mut edit = Edit::default();
    edit.attachments = if ids.is_empty() { Patch::Clear } else { Patch::Set(ids) };
    edit
}

fn ids(message: &Message) -> Vec<AttachmentId> {
    message.content.attachments.iter().map(|attachment| attachment.id).collect()
}

#[tokio::test]
async fn a_file_is_its_owners_until_it_is_sent_and_then_the_conversations() {
    let scene = Scene::new().await;
    let id = scene.file(1).await;
    assert_eq!(scene.read(1, id).await.unwrap(), b"hello");
    assert!(!scene.sees(2, id).await);
    let message = scene.sent(id).await;
    let [attachment] = &message.content.attachments[..] else { panic!("one was sent") };
    assert_eq!((attachment.name.as_str(), attachment.file.bytes), ("a.txt", 5));
    assert!(message.text().is_none(), "a file is enough");
    assert!(scene.sees(1, id).await && scene.sees(2, id).await && !scene.sees(3, id).await);
    let history = scene.chat.actor(user(2)).history(direct(1, 2), None, chat_core::Limit::MAX).await.unwrap();
    assert_eq!(history.items, [message]);
}

#[tokio::test]
async fn whoever_may_not_see_the_message_does_not_see_the_file() {
    let scene = Scene::new().await;
    for other in [3, 4] {
        befriend(&scene.chat, 1, other).await;
    }
    let id = scene.file(1).await;
    let group: ConversationId = group(&scene.chat, &[1, 2, 3]).await;
    scene.chat.actor(user(1)).send(group, with([id])).await.unwrap();
    assert!(scene.sees(3, id).await && !scene.sees(4, id).await);
    scene.chat.actor(user(1)).remove(group, user(3), None).await.unwrap();
    assert!(!scene.sees(3, id).await, "who was removed does not");
    scene.chat.actor(user(1)).leave(group, None).await.unwrap();
    assert!(!scene.sees(1, id).await, "who has left does not, though it was his");
    assert!(scene.sees(2, id).await);
}

#[tokio::test]
async fn a_file_goes_with_its_message() {
    let scene = Scene::new().await;
    let id = scene.file(1).await;
    let seq = scene.sent(id).await.seq;
    scene.chat.actor(user(1)).delete(direct(1, 2), seq, None).await.unwrap();
    assert!(!scene.sees(1, id).await && !scene.sees(2, id).await);
    scene.until_gone(id).await;
    assert_eq!(code(scene.chat.actor(user(1)).upload(id).await), "not_found");
}

#[tokio::test]
async fn an_edit_takes_files_away_and_adds_some() {
    let scene = Scene::new().await;
    let [one, two, three] = [scene.file(1).await, scene.file(1).await, scene.file(1).await];
    let ana = scene.chat.actor(user(1));
    let sent = ana.send(user(2), text("look").attachments([one, two])).await.unwrap().message;
    let edited = ana.edit(direct(1, 2), sent.seq, only(vec![three, two]), None).await.unwrap();
    assert_eq!((ids(&edited), edited.text()), (vec![three, two], Some("look")));
    scene.until_gone(one).await;
    assert!(!scene.sees(2, one).await && scene.sees(2, two).await && scene.sees(2, three).await);
    let edited = ana.edit(direct(1, 2), sent.seq, only(Vec::new()), None).await.unwrap();
    assert!(edited.content.attachments.is_empty());
    scene.until_gone(two).await;
    scene.until_gone(three).await;
    let file = scene.file(1).await;
    let bare = scene.sent(file).await.seq;
    let refused = ana.edit(direct(1, 2), bare, only(Vec::new()), None).await;
    assert_eq!(refused.unwrap_err().refusal().unwrap().field(), Some("/text"), "nothing would be left");
    assert!(scene.sees(2, file).await);
}

/// One edit takes a file off a message and the next puts it back: whoever looks after what the first has freed, and has
/// asked the log between the two, does not take away what the second has.
#[tokio::test]
async fn a_file_that_is_put_back_at_once_is_not_taken_away() {
    let gates = Gates::default();
    let scene = Scene::over(gates.over(Arc::new(MemoryStore::new())), Limits::default()).await;
    let (one, two) = (scene.file(1).await, scene.file(1).await);
    let ana = scene.chat.actor(user(1));
    let sent = ana.send(user(2), with([one, two])).await.unwrap().message;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let edited = |files: Vec<AttachmentId>| {
        let ana = scene.chat.actor(user(1));
        tokio::spawn(async move { ana.edit(direct(1, 2), sent.seq, only(files), None).await })
    };
    let mut asks = gates.before("Log::find");
    edited(vec![one]).await.unwrap().unwrap();
    asks.reached().await;
    let mut written = gates.before("Log::append");
    let back = edited(vec![one, two]);
    written.reached().await;
    asks.open();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    written.open();
    assert_eq!(ids(&back.await.unwrap().unwrap()), [one, two]);
    assert!(scene.shelf.has(two) && scene.sees(2, two).await, "a message names a file that is gone");
}

#[tokio::test]
async fn one_file_hangs_on_one_message() {
    let scene = Scene::new().await;
    let id = scene.file(1).await;
    let ana = scene.chat.actor(user(1));
    let draft = || with([id]).client_id(client_id("c1"));
    let first = ana.send(user(2), draft()).await.unwrap();
    let again = ana.send(user(2), draft()).await.unwrap();
    assert_eq!((again.duplicate, again.message), (true, first.message));
    assert_eq!(code(ana.send(user(2), with([id])).await), "conflict");
    let other = scene.file(1).await;
    let reused = ana.send(user(2), with([other]).client_id(client_id("c1"))).await;
    assert_eq!(code(reused), "client_id_reused");
    assert!(scene.sees(1, other).await && !scene.sees(2, other).await, "and is still to be sent");
    ana.send(user(2), with([other])).await.unwrap();
    assert_eq!(code(ana.discard(id).await), "conflict");
    for wrong in [with([id, id]), with((0..11).map(|nth| AttachmentId::from_bytes([nth; 16])))] {
        assert_eq!(code(ana.send(user(2), wrong).await), "validation_failed");
    }
}

#[tokio::test]
async fn only_ones_own_whole_files_are_sent() {
    let scene = Scene::new().await;
    let (foreign, coming) = (scene.file(2).await, scene.begin(1, Some(10)).await.unwrap().id);
    let absent = AttachmentId::from_bytes([9; 16]);
    let ana = scene.chat.actor(user(1));
    for (id, expected) in [(foreign, "not_found"), (absent, "not_found"), (coming, "conflict")] {
        assert_eq!(code(ana.send(user(2), with([id])).await), expected);
    }
    assert!(scene.sees(2, foreign).await, "a try changes nothing");
    let history = ana.history(direct(1, 2), None, chat_core::Limit::MAX).await;
    assert!(history.is_err() || history.unwrap().items.is_empty());
}

#[tokio::test]
async fn of_two_messages_at_once_one_gets_the_file() {
    for _ in 0..20 {
        let scene = Scene::new().await;
        let id = scene.file(1).await;
        let ana = scene.chat.actor(user(1));
        let (one, other) = tokio::join!(ana.send(user(2), with([id])), ana.send(user(2), with([id])));
        assert_ne!(one.is_ok(), other.is_ok());
        assert_eq!(code(one.and(other)), "conflict");
        assert!(scene.sees(2, id).await);
    }
}

#[tokio::test]
async fn bytes_come_in_pieces_and_go_on_after_a_cut() {
    let scene = Scene::new().await;
    let id = scene.begin(1, Some(10)).await.unwrap().id;
    let ana = scene.chat.actor(user(1));
    assert_eq!(ana.receive(id, 0, body(b"0123")).await.unwrap().received, 4);
    assert_eq!(code(ana.receive(id, 4, cut(b"45")).await), "malformed");
    let known = ana.upload(id).await.unwrap();
    assert_eq!((known.received, known.bytes, &known.attachment), (6, Some(10), &None));
    assert_eq!(code(ana.receive(id, 4, body(b"x")).await), "conflict", "that is there already");
    assert_eq!(code(scene.chat.actor(user(2)).upload(id).await), "not_found");
    assert_eq!(code(scene.chat.actor(user(2)).receive(id, 6, body(b"x")).await), "not_found");
    assert!(!scene.sees(1, id).await, "what is not whole is not read");
    let whole = ana.receive(id, 6, body(b"6789")).await.unwrap();
    assert_eq!((whole.received, whole.attachment.unwrap().file.bytes), (10, 10));
    assert_eq!(scene.read(1, id).await.unwrap(), b"0123456789");
    assert_eq!(code(ana.receive(id, 10, body(b"x")).await), "conflict");
}

#[tokio::test]
async fn what_is_not_taken_leaves_nothing() {
    let mut limits = Limits::default();
    limits.set("attachment_bytes_max", 8).unwrap();
    limits.set("attachments_unsent_per_user_max", 2).unwrap();
    let scene = Scene::over(Arc::new(MemoryStore::new()), limits).await;
    assert_eq!(code(scene.begin(1, Some(9)).await), "payload_too_large");
    assert_eq!(code(scene.begin(1, Some(0)).await), "validation_failed");
    assert_eq!(code(scene.bring(1, b"?").await), "unsupported_media_type");
    assert_eq!(code(scene.bring(1, b"").await), "validation_failed");
    let (one, _two) = (scene.file(1).await, scene.file(1).await);
    assert_eq!(code(scene.begin(1, None).await), "limit_reached");
    assert!(scene.begin(2, None).await.is_ok(), "others may");
    scene.chat.actor(user(1)).discard(one).await.unwrap();
    assert!(!scene.shelf.has(one) && scene.begin(1, None).await.is_ok());
}

#[tokio::test]
async fn what_is_sent_does_not_count_as_unsent() {
    let mut limits = Limits::default();
    limits.set("attachments_unsent_per_user_max", 1).unwrap();
    let scene = Scene::over(Arc::new(MemoryStore::new()), limits).await;
    for _ in 0..5 {
        let id = scene.file(1).await;
        scene.sent(id).await;
        let free = async {
            while scene.begin(1, Some(1)).await.map(|upload| upload.id).is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, free).await.expect("the message has it now");
        scene.a_day_later().await;
        assert!(scene.sees(2, id).await);
    }
}

#[tokio::test]
async fn orphans_go_after_a_day_and_nothing_else() {
    let scene = Scene::new().await;
    let (ready, coming, sent) =
        (scene.file(1).await, scene.begin(1, Some(9)).await.unwrap().id, scene.file(1).await);
    scene.chat.actor(user(1)).receive(coming, 0, body(b"x")).await.unwrap();
    scene.sent(sent).await;
    scene.chat.catch_up_now().await.unwrap();
    assert!(scene.shelf.has(ready) && scene.shelf.has(coming));
    scene.a_day_later().await;
    assert!(!scene.shelf.has(ready) && !scene.shelf.has(coming));
    assert_eq!(code(scene.chat.actor(user(1)).upload(ready).await), "not_found");
    scene.a_day_later().await;
    assert!(scene.sees(2, sent).await);
}

/// The file was claimed, and its message was never written.
#[tokio::test]
async fn a_message_that_never_was_keeps_no_file() {
    let faults = Faults::default();
    let scene = Scene::over(faults.over(Arc::new(MemoryStore::new())), Limits::default()).await;
    let id = scene.file(1).await;
    scene.chat.actor(user(1)).send(user(2), text("a first one")).await.unwrap();
    faults.fail_call("Log::append", Loss::Request);
    let draft = || with([id]).client_id(client_id("c1"));
    assert_eq!(code(scene.chat.actor(user(1)).send(user(2), draft()).await), "unavailable");
    assert!(scene.sees(1, id).await && !scene.sees(2, id).await, "nobody but its owner");
    scene.chat.actor(user(1)).send(user(2), draft()).await.unwrap();
    assert!(scene.sees(2, id).await, "the repeat has it");

    let lost = scene.file(1).await;
    faults.fail_call("Log::append", Loss::Request);
    assert_eq!(code(scene.chat.actor(user(1)).send(user(2), with([lost])).await), "unavailable");
    scene.a_day_later().await;
    assert!(!scene.shelf.has(lost) && scene.sees(2, id).await);
}

#[tokio::test]
async fn a_chat_without_files_has_none() {
    let chat = chat().await;
    befriend(&chat, 1, 2).await;
    let ana = chat.actor(user(1));
    let id = AttachmentId::from_bytes([1; 16]);
    let new = NewUpload { name: FileName::new("a").unwrap(), bytes: None };
    assert_eq!(code(ana.begin_upload(new).await), "not_found");
    assert_eq!(code(ana.upload(id).await), "not_found");
    assert!(ana.attachment(id).await.is_err());
    assert_eq!(code(ana.send(user(2), with([id])).await), "not_found");
    let seq: Seq = say(&chat, 1, user(2), "hello").await;
    assert_eq!(code(ana.edit(direct(1, 2), seq, only(vec![id]), None).await), "not_found");
}

#[tokio::test]
async fn what_is_known_of_files_follows_a_copy() {
    let (from, to) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
    let scene = Scene::over(Arc::clone(&from) as Arc<dyn Store>, Limits::default()).await;
    let (sent, unsent) = (scene.file(1).await, scene.file(1).await);
    scene.sent(sent).await;
    scene.chat.shutdown().await;
    let copied = chat_core::copy::copy(&*from, &*to, &|_| {}).await.unwrap();
    assert_eq!(copied.counts.attachments, 2);
    let files = Arc::clone(&scene.shelf) as Arc<dyn Files>;
    let chat = Chat::over(to).files(files).build().await.unwrap();
    let there = Scene { chat, ..scene };
    assert!(there.sees(2, sent).await && there.sees(1, unsent).await && !there.sees(2, unsent).await);
}
