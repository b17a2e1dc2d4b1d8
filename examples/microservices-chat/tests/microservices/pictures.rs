//! The pictures of people.

use crate::common::{Browser, DOT, Deployment, answered, is_error};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_picture_is_drawn_anew_and_shown_to_those_who_are_logged_in() {
    for at in Deployment::all() {
        let ana = Browser::sign_up(&at, "ana").await;
        let upload = |name: &'static str, bytes: Vec<u8>| {
            let form = Form::new().part(name, Part::bytes(bytes).file_name("me.png"));
            ana.request(Method::POST, "/users/crud/uploadProfilePicture").multipart(form)
        };
        let (status, told) = answered(upload("image", DOT.to_vec())).await;
        assert_eq!(status, 200, "{told}");
        let url = told["url"].as_str().expect("a url").to_owned();
        assert_eq!(ana.get("/users/crud/fetchUserDetails").await.1["user"]["profile_picture"], json!(url));
        let picture = ana.request(Method::GET, &url).send().await.expect("an answer");
        assert_eq!(picture.status(), 200);
        assert_eq!(picture.headers()["content-type"], "image/png");
        assert_eq!(picture.headers()["x-content-type-options"], "nosniff");
        let bytes = picture.bytes().await.expect("bytes");
        assert!(bytes.starts_with(b"\x89PNG"));
        assert_eq!(Browser::stranger(&at).get(&url).await.0, 401);
        for (name, bytes, expected) in [
            ("image", b"<svg onload=alert(1)>".to_vec(), 415),
            ("image", b"MZ no picture".to_vec(), 415),
            ("picture", DOT.to_vec(), 400),
            ("image", vec![0; 6 * 1024 * 1024], 413),
        ] {
            // On connections of their own: one that is refused in the middle of its body is closed.
            let form = Form::new().part(name, Part::bytes(bytes).file_name("me.png"));
            let request = reqwest::Client::new().post(at.url("/users/crud/uploadProfilePicture"));
            let (status, told) = answered(request.bearer_auth(&ana.token).multipart(form)).await;
            assert_eq!((status, is_error(&told)), (expected, true), "{told}");
        }
        assert_eq!(ana.get(&url).await.0, 200, "what was refused changes nothing");
        // Whoever calls another's picture his own does not take it away with his next one.
        let bogdan = Browser::sign_up(&at, "bogdan").await;
        let claimed = bogdan.post("/users/crud/updateUserDetails", json!({ "profile_picture": url })).await;
        assert_eq!(claimed.0, 200, "{}", claimed.1);
        let form = Form::new().part("image", Part::bytes(DOT.to_vec()).file_name("me.png"));
        let own = bogdan.request(Method::POST, "/users/crud/uploadProfilePicture").multipart(form);
        assert_eq!(answered(own).await.0, 200);
        assert_eq!(ana.get(&url).await.0, 200, "it is still there");
        let (_, second) = answered(upload("image", DOT.to_vec())).await;
        assert_ne!(second["url"], json!(url));
        assert_eq!(ana.get(&url).await.0, 404, "the one before is gone");
        assert_eq!(ana.get("/users/pictures/../../etc/passwd").await.0, 404);
    }
}
