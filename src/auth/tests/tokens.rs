//! The hub's own tokens.

use super::*;

#[tokio::test]
async fn a_token_of_the_hub_names_its_person() {
    let hub = Hub::new();
    let issued = hub.keys.issue("ada", Some("Ada"), Duration::from_secs(60)).unwrap();
    let identity = hub.verify(&issued.token).await.unwrap();
    assert_eq!((&*identity.user, identity.name.as_deref()), ("ada", Some("Ada")));
    assert_eq!(identity.expires, issued.expires);
    assert_eq!(&*identity.issuer, "rowcast");
}

#[tokio::test]
async fn a_token_holds_a_little_longer_than_it_says_and_no_more() {
    let hub = Hub::new();
    let ended = |ago: i64| hub.token_with(&json!({ "exp": now() - ago }));
    assert!(hub.verify(&ended(5)).await.is_ok());
    assert_eq!(hub.verify(&ended(45)).await, Err(TokenError::Expired));
    assert_eq!(TokenError::Expired.code(), rowcast_protocol::ErrorCode::TokenExpired);
}

#[tokio::test]
async fn a_token_of_an_older_key_of_the_hub_is_good_until_that_key_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let old = OwnKeys::load(&settings(), folder.path()).unwrap();
    let token = old.issue("ada", None, Duration::from_secs(60)).unwrap().token;
    let other = Hub::new();
    std::fs::copy(other.folder.path().join("0001.pem"), folder.path().join("0002.pem")).unwrap();
    let both = OwnKeys::load(&settings(), folder.path()).unwrap();
    assert!(Verifier::new(&settings(), &both).unwrap().verify(&token).await.is_ok());
    std::fs::remove_file(folder.path().join("0001.pem")).unwrap();
    let new = OwnKeys::load(&settings(), folder.path()).unwrap();
    let verdict = Verifier::new(&settings(), &new).unwrap().verify(&token).await;
    assert_eq!(verdict, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn a_person_whose_id_fits_no_channel_is_refused() {
    let hub = Hub::new();
    for user in ["", "a b", "a\u{0}", "é", &"a".repeat(200)] {
        let verdict = hub.verify(&hub.token_with(&json!({ "sub": user }))).await;
        assert_eq!(verdict, Err(TokenError::Claim("sub")), "{user:?}");
    }
    let verdict = hub.verify(&hub.token_with(&json!({ "sub": "auth0|5f7c@x" }))).await;
    assert_eq!(&*verdict.unwrap().user, "auth0|5f7c@x");
}
