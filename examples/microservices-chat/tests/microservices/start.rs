//! What a process asks for before it serves, and what it tells of itself once it does.

use crate::common::{Browser, Deployment, METRICS_TOKEN, is_error};
use reqwest::Method;
use serde_json::json;

#[test]
fn a_service_of_its_own_asks_for_databases_that_are_shared() {
    let data = tempfile::tempdir().expect("a folder");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_users-service"));
    command.env("CHAT_DATA_DIR", data.path()).env("CHAT_LISTEN", "127.0.0.1:0");
    command.env_remove("CHAT_STORE").env_remove("CHAT_ACCOUNTS_STORE");
    let ended = command.output().expect("it runs");
    let said = String::from_utf8(ended.stderr).expect("text");
    assert_eq!((ended.status.code(), ended.stdout.len()), (Some(2), 0));
    assert!(said.contains("--store and --accounts-store"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_not_is_refused_as_everything_is_and_the_page_is_at_the_root() {
    for at in Deployment::all() {
        let nobody = Browser::stranger(&at);
        for (method, path, expected) in [
            (Method::GET, "/nothing", 404),
            (Method::GET, "/users", 404),
            (Method::GET, "/users/nothing", 404),
            (Method::GET, "/friends/manage/nothing", 404),
            (Method::GET, "/messages/nothing", 404),
            (Method::PUT, "/users/auth/login", 405),
            (Method::GET, "/messages/msgs/sendMessage", 405),
        ] {
            let (status, told) = nobody.call(method, path, None).await;
            assert_eq!((status, is_error(&told)), (expected, true), "{path}: {told}");
        }
        let problem = nobody.get("/v1/nothing").await;
        assert_eq!(
            (problem.0, &problem.1["code"]),
            (404, &json!("not_found")),
            "our own protocol has its own"
        );
        let page = nobody.request(Method::GET, "/").send().await.expect("an answer");
        assert_eq!(page.status(), 200, "where the links of mails lead");
        assert!(page.text().await.expect("a text").contains("<html"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_tells_how_it_is_and_what_it_measured_to_who_may_know() {
    for mut at in Deployment::all() {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(reqwest::get(at.url(path)).await.expect("an answer").status(), 200);
        }
        if at.services.is_empty() {
            // Without a token it is this machine that may know.
            let told =
                reqwest::get(at.url("/metrics")).await.expect("an answer").text().await.expect("a text");
            assert!(told.contains("# TYPE chat_"), "{told}");
            continue;
        }
        let client = reqwest::Client::new();
        for service in &at.services {
            let asked = |token: &str| client.get(service.url("/metrics")).bearer_auth(token).send();
            assert_eq!(asked("nonsense").await.expect("an answer").status(), 401);
            let told = asked(METRICS_TOKEN).await.expect("an answer").text().await.expect("a text");
            assert!(told.contains("# TYPE chat_"), "{told}");
        }
        assert_eq!(reqwest::get(at.url("/metrics")).await.expect("an answer").status(), 401);
        at.services.remove(1).kill().expect("it is killed");
        assert_eq!(reqwest::get(at.url("/healthz")).await.expect("an answer").status(), 200);
        let (status, told) = Browser::stranger(&at).get("/readyz").await;
        assert_eq!((status, is_error(&told)), (503, true), "without the friends nothing is ready: {told}");
    }
}
