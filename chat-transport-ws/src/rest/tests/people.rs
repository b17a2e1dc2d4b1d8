use serde_json::json;

use super::{ANA, BO, CY, Rest, id};

#[tokio::test]
async fn a_friendship_from_request_to_end() {
    let rest = Rest::new().await;
    let asked = rest.put(ANA, "/v1/friends/2/request", None).await.ok(200);
    assert_eq!(asked["friendship"]["state"], "requested");
    assert_eq!(asked["friendship"]["user"]["id"], id(BO));
    let seen = rest.get(BO, "/v1/friends?state=incoming").await.ok(200);
    assert_eq!(seen["items"][0]["user"]["id"], id(ANA));
    assert!(seen.get("next").is_none());

    assert_eq!(rest.put(BO, "/v1/friends/1/accept", None).await.ok(200)["friendship"]["state"], "friends");
    assert_eq!(rest.delete(ANA, "/v1/friends/2").await.ok(200)["friendship"]["state"], "none");
    rest.put(ANA, "/v1/friends/2/accept", None).await.refused(409, "conflict", None);

    rest.put(ANA, "/v1/friends/2/request", None).await.ok(200);
    assert_eq!(rest.delete(BO, "/v1/friends/1/request").await.ok(200)["friendship"]["state"], "none");
    assert_eq!(rest.put(BO, "/v1/friends/1/block", None).await.ok(200)["friendship"]["blocked"], true);
    assert_eq!(rest.delete(BO, "/v1/friends/1/block").await.ok(200)["friendship"]["blocked"], false);
}

#[tokio::test]
async fn lists_go_on_where_they_ended() {
    let rest = Rest::new().await;
    for other in [BO, CY, 4] {
        rest.put(ANA, &format!("/v1/friends/{other}/request"), None).await.ok(200);
    }
    let mut path = "/v1/friends?limit=1".to_owned();
    let mut found = Vec::new();
    loop {
        let page = rest.get(ANA, &path).await.ok(200);
        found.push(page["items"][0]["user"]["id"].as_str().unwrap().to_owned());
        let Some(next) = page["next"].as_str() else { break };
        rest.get(BO, &format!("/v1/friends?cursor={next}")).await.refused(
            422,
            "validation_failed",
            Some("?cursor"),
        );
        rest.get(ANA, &format!("/v1/conversations?cursor={next}")).await.refused(
            422,
            "validation_failed",
            Some("?cursor"),
        );
        path = format!("/v1/friends?limit=1&cursor={next}");
    }
    assert_eq!(found, [id(BO), id(CY), id(4)]);
}

#[tokio::test]
async fn a_profile_comes_bare() {
    let rest = Rest::new().await;
    assert_eq!(rest.get(ANA, "/v1/users/2").await.ok(200), json!({ "id": "2" }));
    // Without a directory nobody has a name.
    rest.get(ANA, "/v1/users?username=bo").await.refused(404, "not_found", None);
    assert_eq!(rest.get(ANA, "/v1/users?query=bo").await.ok(200), json!({ "items": [] }));
}

#[tokio::test]
async fn oneself_is_nobody_else() {
    let rest = Rest::new().await;
    rest.put(ANA, "/v1/friends/1/request", None).await.refused(422, "validation_failed", Some("/user"));
    rest.put(ANA, "/v1/direct/1", None).await.refused(422, "validation_failed", Some("/user"));
}
