//! What was told outlives the processes that told it.

use crate::common::{Browser, Deployment};
use reqwest::Method;
use serde_json::json;
use testbed::people::PASSWORD;
use testbed::proxy::{Late, Piece, Proxy};
use tokio::sync::oneshot::Receiver;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_told_is_lost_when_every_process_is_killed() {
    for at in Deployment::all() {
        let (ana, bogdan) = (Browser::sign_up(&at, "ana").await, Browser::sign_up(&at, "bogdan").await);
        ana.befriend(&bogdan).await;
        let direct = ana.conversation(&[&bogdan], None).await;
        let mut told = Vec::new();
        for nth in 0..10 {
            told.push(ana.say(&direct, &format!("text {nth}")).await["_id"].clone());
        }
        let at = at.killed_and_started();
        let ana = Browser::stranger(&at);
        let login = json!({ "email": "ana@example.org", "password": PASSWORD });
        assert_eq!(ana.post("/users/auth/login", login).await.0, 200);
        assert_eq!(ana.get("/friends/manage/getFriends").await.1["friends"][0]["uuid"], json!(bogdan.uuid));
        let found = ana.messages(&direct).await;
        assert_eq!(found.iter().map(|one| one["_id"].clone()).collect::<Vec<_>>(), told);
        assert!(found.iter().all(|one| one["read"] == false));
    }
}

/// What becomes of the request to the database in the middle of which a service is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// It never arrives.
    Before,
    /// It is done.
    After,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_friendship_outlives_the_kill_of_its_service_at_any_request_of_accepting() {
    let Some(mut at) = Deployment::four() else { return };
    let ana = Browser::sign_up(&at, "ana").await;
    let (mut told, mut cut_short, mut made) = (0, 0, 0);
    for (round, nth) in (6..=13).flat_map(|nth| [(Cut::Before, nth), (Cut::After, nth)]) {
        // The service finds the people through a line that is cut.
        let line = Proxy::to(at.people().address()).await.expect("a line");
        at.services.remove(1).kill().expect("it is killed");
        let service = at.service_at(1, line.address().port());
        at.services.insert(1, service);
        at.front_door();
        let ana = ana.at(&at);
        let other = Browser::sign_up(&at, &format!("friend{nth}{round:?}")).await;
        let asked = ana.post("/friends/requests/sendRequest", json!({ "friend_uuid": other.uuid })).await;
        assert_eq!(asked.0, 201, "{}", asked.1);
        let reached = match round {
            Cut::Before => Reached::Held(line.hold(Piece::Nth(nth))),
            Cut::After => Reached::Done(line.lose_reply(Piece::Nth(nth))),
        };
        let accept = json!({ "friend_uuid": ana.uuid });
        let accepting = tokio::spawn(async move {
            let request = other.request(Method::POST, "/friends/requests/acceptRequest");
            let sent = request.body(accept.to_string()).send().await;
            (other, sent.is_ok_and(|answer| answer.status() == 200))
        });
        // Those that come in between are asked by nobody: the service looks for what is new on its own.
        reached.wait().await;
        at.services.remove(1).kill().expect("it is killed");
        let (other, accepted) = accepting.await.expect("it ends");
        let service = at.service(1);
        at.services.insert(1, service);
        at.front_door();
        let (ana, other) = (ana.at(&at), other.at(&at));
        told += u64::from(accepted);
        cut_short += u64::from(!accepted);
        let one = is_friend_of(&ana, &other).await;
        let two = is_friend_of(&other, &ana).await;
        assert_eq!(one, two, "both or neither, {round:?} {nth}");
        assert!(one || !accepted, "what was told is so, {round:?} {nth}");
        made += u64::from(one);
        if !one {
            let again =
                other.post("/friends/requests/acceptRequest", json!({ "friend_uuid": ana.uuid })).await;
            assert_eq!(again.0, 200, "the request is still there: {}", again.1);
            assert!(is_friend_of(&ana, &other).await && is_friend_of(&other, &ana).await);
        }
    }
    println!("of 16 accepted in the middle of a kill: {told} told, {made} made, {cut_short} cut short");
    assert!(made > told, "no kill came between what was written and its answer");
    assert!(made < 16, "no kill came before anything was written");
}

/// A request that is held or done before its service learns of it.
enum Reached {
    Held(Receiver<Late>),
    Done(Receiver<()>),
}

impl Reached {
    async fn wait(self) {
        match self {
            Self::Held(late) => drop(late.await.expect("it comes")),
            Self::Done(done) => done.await.expect("it comes"),
        }
    }
}

async fn is_friend_of(one: &Browser, other: &Browser) -> bool {
    let (status, told) = one.get("/friends/manage/getFriends").await;
    assert_eq!(status, 200, "{told}");
    let friends = told["friends"].as_array().expect("an array");
    friends.iter().any(|friend| friend["uuid"] == json!(other.uuid))
}
