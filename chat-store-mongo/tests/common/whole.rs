//! What the tests take for granted of a server: whoever reads a document reads it as it was at one moment.

use std::time::{Duration, Instant};

use mongodb::Collection;
use mongodb::bson::{Document, doc};

use super::Server;

/// How long one writes and others read.
const TIME: Duration = Duration::from_secs(4);
const READERS: usize = 3;

/// A document of two equal ends, and something between them to encode.
fn document(number: i64) -> Document {
    doc! { "_id": 1, "first": number, "between": vec!["a".repeat(50); 200], "last": [number] }
}

/// Both ends are always written together, so nobody reads two different ones.
pub(crate) async fn documents_come_whole(server: Server) {
    let Some(options) = server.options() else { return };
    let client = mongodb::Client::with_uri_str(&options.url).await.unwrap();
    let database = client.database(options.database.as_deref().unwrap());
    let all: Collection<Document> = database.collection("whole");
    all.insert_one(document(0)).await.unwrap();
    let until = Instant::now() + TIME;
    let readers: Vec<_> = (0..READERS).map(|_| tokio::spawn(read(all.clone(), until))).collect();
    let mut number = 0_i64;
    while Instant::now() < until {
        number += 1;
        let update = doc! { "$set": { "first": number, "last": [number] } };
        all.update_one(doc! { "_id": 1 }, update).await.unwrap();
    }
    let read: Vec<i64> =
        futures_util::future::join_all(readers).await.into_iter().map(Result::unwrap).collect();
    assert!(read.iter().all(|&last| 0 < last && last <= number), "{read:?} of {number}");
    database.drop().await.unwrap();
    client.shutdown().await;
}

/// Answers what was read last.
async fn read(all: Collection<Document>, until: Instant) -> i64 {
    let mut last = 0;
    while Instant::now() < until {
        let found = all.find_one(doc! { "_id": 1 }).await.unwrap().unwrap();
        let ends = (found.get_i64("first").unwrap(), found.get_array("last").unwrap()[0].as_i64().unwrap());
        assert_eq!(ends.0, ends.1, "a document of two moments");
        last = ends.0;
    }
    last
}
