//! Access tokens: everything that must not pass for one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;

/// The bytes of [`KEY`].
fn secret() -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(&KEY[4..]).unwrap()
}

/// What a token of ours says in its header and in its claims.
fn parts(tokens: &Tokens) -> [Value; 2] {
    let mut parts = tokens.access_token.expose().split('.');
    [(); 2].map(|()| {
        let part = URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        serde_json::from_slice(&part).unwrap()
    })
}

/// A token with these claims, signed with our key unless another is given.
fn forge(change_header: impl FnOnce(&mut Header), claims: &Value, secret: &[u8]) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some("one".to_owned());
    change_header(&mut header);
    encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

/// A token of a header as text, with this signature.
fn raw(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

async fn code(world: &World, token: &str) -> &'static str {
    refused(world.accounts.authenticate(token).await).0
}

#[tokio::test]
async fn what_ours_say() {
    let world = World::new();
    world.register("ada").await;
    let tokens = world.log_in("ada").await;
    let [header, claims] = parts(&tokens);
    assert_eq!(header, json!({"typ": "at+jwt", "alg": "HS256", "kid": "one"}));
    let issued = world.clock.now().millis() / 1_000;
    assert_eq!(claims["sub"], json!(tokens.user.id.to_string()));
    assert_eq!(claims["sid"], json!(tokens.session.to_string()));
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(issued), &json!(issued + 600)));
    assert_eq!((&claims["aud"], &claims["iss"]), (&json!("chat"), &json!("https://chat.example.org")));
    assert_eq!(claims.as_object().unwrap().len(), 7);
    let again = parts(&world.log_in("ada").await)[1]["jti"].clone();
    assert_ne!(claims["jti"], again);
}

impl World {
    async fn with_token() -> (Self, Tokens) {
        let world = Self::new();
        world.register("ada").await;
        let tokens = world.log_in("ada").await;
        (world, tokens)
    }
}

#[tokio::test]
async fn forged_with_everything_right_it_passes_so_that_the_other_cases_mean_something() {
    let (world, tokens) = World::with_token().await;
    let claims = &parts(&tokens)[1];
    assert_eq!(code(&world, &forge(|_| (), claims, &secret())).await, "ok");
}

#[tokio::test]
async fn other_claims_are_refused() {
    let (world, tokens) = World::with_token().await;
    let claims = &parts(&tokens)[1];
    for (name, value) in [
        ("aud", json!("mail")),
        ("aud", json!("")),
        ("aud", json!(["chat", "mail"])),
        ("aud", Value::Null),
        ("iss", json!("https://evil.example")),
        ("iss", json!("https://chat.example.org/")),
        ("iss", Value::Null),
        ("sub", json!("")),
        ("sub", json!("00000000-0000-0000-0000-000000000000")),
        ("sub", json!(42)),
        ("sub", json!({"$ne": null})),
        ("sid", json!("x")),
        ("sid", json!("00000000-0000-0000-0000-000000000001")),
        ("sid", Value::Null),
        ("exp", Value::Null),
        ("exp", json!("2099-01-01")),
        ("exp", json!(1e300)),
        ("exp", json!(i64::MAX)),
        ("iat", Value::Null),
        ("jti", Value::Null),
    ] {
        let mut claims = claims.clone();
        claims[name] = value;
        assert_eq!(code(&world, &forge(|_| (), &claims, &secret())).await, "unauthenticated", "{claims}");
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(code(&world, &forge(|_| (), &claims, &secret())).await, "unauthenticated", "{claims}");
    }
}

#[tokio::test]
async fn other_headers_are_refused() {
    let (world, tokens) = World::with_token().await;
    let claims = &parts(&tokens)[1];
    let headers: [fn(&mut Header); 9] = [
        |header| header.typ = None,
        |header| header.typ = Some("JWT".to_owned()),
        |header| header.typ = Some("rt+jwt".to_owned()),
        |header| header.kid = None,
        |header| header.kid = Some("two".to_owned()),
        |header| header.kid = Some(String::new()),
        |header| header.crit = Some(vec!["exp".to_owned()]),
        |header| header.alg = Algorithm::HS384,
        |header| header.alg = Algorithm::HS512,
    ];
    for (place, change) in headers.into_iter().enumerate() {
        assert_eq!(code(&world, &forge(change, claims, &secret())).await, "unauthenticated", "{place}");
    }
}

#[tokio::test]
async fn no_algorithm_and_those_of_public_keys_are_refused() {
    let (world, tokens) = World::with_token().await;
    let claims = &parts(&tokens)[1];
    let signature = tokens.access_token.expose().rsplit('.').next().unwrap();
    for alg in ["none", "None", "NONE", "", "RS256", "ES256", "PS256", "EdDSA", "hs256"] {
        let header = json!({"typ": "at+jwt", "alg": alg, "kid": "one"});
        for signature in ["", signature] {
            assert_eq!(code(&world, &raw(&header, claims, signature)).await, "unauthenticated", "{alg}");
        }
    }
}

#[tokio::test]
async fn another_key_and_every_changed_byte_are_refused() {
    let (world, tokens) = World::with_token().await;
    let claims = &parts(&tokens)[1];
    for secret in [&b""[..], &secret()[1..], &[0; 32]] {
        assert_eq!(code(&world, &forge(|_| (), claims, secret)).await, "unauthenticated");
    }
    let token = tokens.access_token.expose();
    for place in 0..token.len() {
        let mut changed = token.to_owned().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(code(&world, &changed).await, "unauthenticated", "place {place}");
    }
}

#[tokio::test]
async fn kinds_of_tokens_do_not_interchange() {
    let (world, tokens) = World::with_token().await;
    let identity = world.authenticate(&tokens).await.unwrap();
    let ticket = world.accounts.ticket(identity).unwrap().ticket;
    let (access, refresh) = (tokens.access_token.expose(), tokens.refresh_token.expose());
    for token in [refresh, ticket.expose()] {
        assert_eq!(code(&world, token).await, "unauthenticated");
    }
    for token in [access, ticket.expose()] {
        assert_eq!(refused(world.accounts.refresh(token).await).0, "unauthenticated");
    }
    for token in [access, refresh] {
        assert_eq!(refused(world.accounts.redeem(token).await).0, "unauthenticated");
    }
    assert_eq!(world.accounts.redeem(ticket.expose()).await.unwrap(), identity);
}

#[tokio::test]
async fn garbage_is_refused() {
    let (world, tokens) = World::with_token().await;
    let token = tokens.access_token.expose();
    for garbage in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "\0",
        "ä",
        &token[..token.len() - 1],
        &format!("{token}."),
        &format!(" {token}"),
        &format!("Bearer {token}"),
        &"a".repeat(100_000),
        &format!("{}.a.b", URL_SAFE_NO_PAD.encode("[".repeat(2_000))),
    ] {
        assert_eq!(code(&world, garbage).await, "unauthenticated", "{garbage:.40}");
    }
}

#[tokio::test]
async fn expired_is_said_only_when_nothing_else_is_wrong() {
    let (world, tokens) = World::with_token().await;
    let forged = forge(|_| (), &parts(&tokens)[1], &[0; 32]);
    world.clock.advance(Duration::from_millis(599_999));
    assert!(world.authenticate(&tokens).await.is_ok());
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.authenticate(&tokens).await, Err("token_expired"));
    assert_eq!(code(&world, &forged).await, "unauthenticated");
    assert!(world.refresh(&tokens).await.is_ok());
    world.accounts.log_out(tokens.session).await.unwrap();
    assert_eq!(world.authenticate(&tokens).await, Err("unauthenticated"));
}

#[tokio::test]
async fn no_lifetime_is_too_long_to_be_written() {
    let world = World::with(
        |options| {
            options.access_token_seconds = u64::MAX;
            options.refresh_idle_seconds = u64::MAX;
            options.refresh_absolute_seconds = u64::MAX;
        },
        |_| (),
    );
    world.register("ada").await;
    let tokens = world.log_in("ada").await;
    assert!(world.authenticate(&tokens).await.is_ok());
    assert!(world.refresh(&tokens).await.is_ok());
}

#[tokio::test]
async fn a_token_that_lives_a_day_is_refused_right_after_logout() {
    let world = World::with(|options| options.access_token_seconds = 24 * 3_600, |_| ());
    world.register("ada").await;
    let tokens = world.log_in("ada").await;
    assert!(world.authenticate(&tokens).await.is_ok());
    world.accounts.log_out(tokens.session).await.unwrap();
    assert_eq!(world.authenticate(&tokens).await, Err("unauthenticated"));
}
