use crate::{http, world};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use sandbox::oidc::OidcEndpoint;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rule-of-43-characters";
const CALLBACK: &str = "http://127.0.0.1:1/auth/callback";

fn challenge() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

fn asked(oidc: &OidcEndpoint) -> HashMap<&'static str, String> {
    HashMap::from([
        ("response_type", "code".to_owned()),
        ("client_id", oidc.client_id.clone()),
        ("redirect_uri", CALLBACK.to_owned()),
        ("scope", "openid profile".to_owned()),
        ("state", "st&te".to_owned()),
        ("nonce", "once".to_owned()),
        ("code_challenge", challenge()),
        ("code_challenge_method", "S256".to_owned()),
    ])
}

/// Posts the page's form as `role` and gives back the words of the redirect.
async fn pick(oidc: &OidcEndpoint, role: &str) -> HashMap<String, String> {
    let mut form = asked(oidc);
    form.insert("role", role.to_owned());
    let url = format!("{}/authorize", oidc.issuer);
    let answer = http().post(url).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(CALLBACK), "{location}");
    let url = reqwest::Url::parse(location).unwrap();
    url.query_pairs().into_owned().collect()
}

async fn redeem(oidc: &OidcEndpoint, code: &str, verifier: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", verifier),
    ];
    let answer = http()
        .post(format!("{}/token", oidc.issuer))
        .basic_auth(&oidc.client_id, Some(&oidc.client_secret))
        .form(&form)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_picked_role_comes_back_as_a_signed_token_with_its_group() {
    let sandbox = world(vec![]).await;
    let oidc = sandbox.endpoints().oidc.clone();
    let url = format!("{}/authorize", oidc.issuer);
    let page = http().get(&url).query(&asked(&oidc)).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    for role in sandbox::oidc::ROLES {
        assert!(page.contains(&format!("value=\"{role}\"")), "{role}");
    }
    let back = pick(&oidc, "release-manager").await;
    assert_eq!(back["state"], "st&te");
    assert_eq!(back["iss"], oidc.issuer);
    let (code, tokens) = redeem(&oidc, &back["code"], VERIFIER).await;
    assert_eq!(code, 200, "{tokens}");

    let parts: Vec<&str> = tokens["id_token"].as_str().unwrap().split('.').collect();
    let bytes = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let header: Value = serde_json::from_slice(&bytes(parts[0])).unwrap();
    let claims: Value = serde_json::from_slice(&bytes(parts[1])).unwrap();
    let keys: Value =
        http().get(format!("{}/jwks", oidc.issuer)).send().await.unwrap().json().await.unwrap();
    let key = &keys["keys"][0];
    assert_eq!(header["kid"], key["kid"]);
    let mut point = vec![4];
    point.extend(bytes(key["x"].as_str().unwrap()));
    point.extend(bytes(key["y"].as_str().unwrap()));
    let signed = format!("{}.{}", parts[0], parts[1]);
    VerifyingKey::from_sec1_bytes(&point)
        .unwrap()
        .verify(signed.as_bytes(), &Signature::from_slice(&bytes(parts[2])).unwrap())
        .unwrap();
    assert_eq!(claims["groups"][0], "signalbox:release-manager");
    assert_eq!(claims["sub"], "demo-release-manager");
    assert_eq!(claims["name"], "Release manager");
    assert_eq!(claims["nonce"], "once");
    assert_eq!(claims["aud"], oidc.client_id);

    let who = http()
        .get(format!("{}/userinfo", oidc.issuer))
        .bearer_auth(tokens["access_token"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    let who: Value = who.json().await.unwrap();
    assert_eq!(who["sub"], claims["sub"]);
}

#[tokio::test]
async fn a_code_is_good_once_and_only_with_its_verifier_and_secret() {
    let sandbox = world(vec![]).await;
    let oidc = sandbox.endpoints().oidc.clone();
    let code = pick(&oidc, "viewer").await["code"].clone();
    assert_eq!(redeem(&oidc, &code, VERIFIER).await.0, 200);
    let (status, again) = redeem(&oidc, &code, VERIFIER).await;
    assert_eq!((status, again["error"].as_str()), (400, Some("invalid_grant")));

    let code = pick(&oidc, "viewer").await["code"].clone();
    assert_eq!(redeem(&oidc, &code, "another-verifier").await.0, 400);
    assert_eq!(redeem(&oidc, &code, VERIFIER).await.0, 400, "a tried code is used up");

    let code = pick(&oidc, "viewer").await["code"].clone();
    let stranger = OidcEndpoint { client_secret: "guessed".to_owned(), ..oidc };
    assert_eq!(redeem(&stranger, &code, VERIFIER).await.0, 401);
}

#[tokio::test]
async fn an_unknown_address_is_never_redirected_to_and_pkce_is_required() {
    let sandbox = world(vec![]).await;
    let oidc = sandbox.endpoints().oidc.clone();
    let url = format!("{}/authorize", oidc.issuer);
    let mut elsewhere = asked(&oidc);
    elsewhere.insert("redirect_uri", format!("{CALLBACK}/more"));
    let answer = http().get(&url).query(&elsewhere).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.headers().get("location").is_none());
    sandbox.oidc().allow_redirect(&format!("{CALLBACK}/more"));
    assert_eq!(http().get(&url).query(&elsewhere).send().await.unwrap().status(), 200);

    let mut plain = asked(&oidc);
    plain.insert("code_challenge_method", "plain".to_owned());
    let answer = http().get(&url).query(&plain).send().await.unwrap();
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(location.contains("error=invalid_request"), "{location}");
}
