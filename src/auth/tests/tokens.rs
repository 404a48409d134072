//! The hub's own tokens.

use super::{super::keyfiles, *};

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

#[tokio::test]
async fn a_token_that_was_good_ends_with_its_key() {
    let hub = Hub::new();
    let token = hub.token();
    for _ in 0..2 {
        assert!(hub.verify(&token).await.is_ok());
    }
    keyfiles::rotate(&settings(), hub.folder.path(), Duration::from_secs(60)).unwrap();
    std::fs::remove_file(hub.folder.path().join("0001.pem")).unwrap();
    hub.keys.reread().unwrap();
    assert_eq!(hub.verify(&token).await, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn a_token_that_was_good_ends_in_time() {
    let hub = Hub::with(&AuthConfig { leeway: Duration::ZERO, ..settings() });
    let token = hub.keys.issue("ada", None, Duration::from_secs(2)).unwrap().token;
    assert!(hub.verify(&token).await.is_ok());
    let over = async {
        while hub.verify(&token).await != Err(TokenError::Expired) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), over).await.unwrap();
}

#[tokio::test]
async fn a_forged_twin_of_a_token_that_was_good_is_refused() {
    let hub = Hub::new();
    let token = hub.token();
    assert!(hub.verify(&token).await.is_ok());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[0] ^= 1;
    let twin = format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes));
    assert_eq!(hub.verify(&twin).await, Err(TokenError::Forged));
}
