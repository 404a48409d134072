//! Other issuers: their subjects, and their keys as they come, change and cannot be had.

use tokio::time::advance;

use super::*;

struct Trust {
    _folder: tempfile::TempDir,
    file: PathBuf,
    hub: Hub,
}

fn trust(keys: &[&Value], change: impl FnOnce(&mut IssuerConfig)) -> Trust {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    write_keys(&file, keys);
    let mut settings = trusting(&file, &[Algorithm::RS256, Algorithm::ES256]);
    change(&mut settings.issuers[0]);
    Trust { _folder: folder, file, hub: Hub::with(&settings) }
}

#[tokio::test]
async fn a_token_of_a_trusted_issuer_names_its_person() {
    let idp = Idp::p256("one");
    let trust = trust(&[&idp.jwk], |_| {});
    let identity = trust.hub.verify(&idp.token()).await.unwrap();
    assert_eq!((&*identity.user, identity.name.as_deref()), ("ada", Some("Ada")));
    assert_eq!(&*identity.issuer, "https://idp");
}

#[tokio::test]
async fn a_subject_is_taken_from_its_claim_and_gets_its_prefix() {
    let idp = Idp::p256("one");
    let trust = trust(&[&idp.jwk], |issuer| {
        issuer.subject_claim = "email".to_owned();
        issuer.subject_prefix = "idp:".to_owned();
    });
    let identity = trust.hub.verify(&idp.token()).await.unwrap();
    assert_eq!(&*identity.user, "idp:ada@example.org");
}

#[tokio::test]
async fn one_issuer_cannot_speak_for_another() {
    let idp = Idp::p256("one");
    let trust = trust(&[&idp.jwk], |_| {});
    let mut claims = Idp::claims();
    claims["iss"] = "rowcast".into();
    claims["aud"] = "rowcast".into();
    let mut header = idp.header();
    header["typ"] = "at+jwt".into();
    let verdict = trust.hub.verify(&sign(&header, &claims, &idp.key)).await;
    assert_eq!(verdict, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn a_token_without_a_key_id_is_for_the_only_key_of_its_algorithm() {
    let (one, two, other) = (Idp::p256("one"), Idp::p256("two"), Idp::rsa("three"));
    let anonymous = |idp: &Idp| {
        let mut header = idp.header();
        header.as_object_mut().unwrap().remove("kid");
        sign(&header, &Idp::claims(), &idp.key)
    };
    let sole = trust(&[&one.jwk, &other.jwk], |_| {});
    assert!(sole.hub.verify(&anonymous(&one)).await.is_ok());
    let several = trust(&[&one.jwk, &two.jwk], |_| {});
    assert_eq!(several.hub.verify(&anonymous(&one)).await, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn keys_that_are_not_for_signatures_or_not_understood_are_left_out() {
    let (mut one, two) = (Idp::p256("one"), Idp::p256("two"));
    one.jwk["use"] = "enc".into();
    let strange = json!({ "kty": "PQC", "kid": "x" });
    let trust = trust(&[&strange, &json!(7), &one.jwk, &two.jwk], |_| {});
    assert_eq!(trust.hub.verify(&one.token()).await, Err(TokenError::UnknownKey));
    assert!(trust.hub.verify(&two.token()).await.is_ok());
}

#[tokio::test]
async fn a_shared_secret_verifies_if_it_is_long_enough() {
    let secret =
        |secret: &[u8]| Idp::new("one", EncodingKey::from_secret(secret), Algorithm::HS256);
    for (idp, good) in [(secret(&[7; 32]), true), (secret(b"short"), false)] {
        let trust = trust(&[&idp.jwk], |issuer| issuer.algorithms = vec![Algorithm::HS256]);
        assert_eq!(trust.hub.verify(&idp.token()).await.is_ok(), good);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_found_once_the_cool_down_is_over() {
    let (old, new) = (Idp::p256("old"), Idp::p256("new"));
    let trust = trust(&[&old.jwk], |_| {});
    assert!(trust.hub.verify(&old.token()).await.is_ok());
    write_keys(&trust.file, &[&old.jwk, &new.jwk]);
    assert_eq!(trust.hub.verify(&new.token()).await, Err(TokenError::UnknownKey));
    advance(Duration::from_secs(16)).await;
    assert!(trust.hub.verify(&new.token()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_taken_back_is_not_believed_for_long() {
    let (old, new) = (Idp::p256("old"), Idp::p256("new"));
    let trust = trust(&[&old.jwk], |_| {});
    assert!(trust.hub.verify(&old.token()).await.is_ok());
    write_keys(&trust.file, &[&new.jwk]);
    advance(Duration::from_mins(11)).await;
    assert_eq!(trust.hub.verify(&old.token()).await, Err(TokenError::UnknownKey));
}

#[tokio::test(start_paused = true)]
async fn keys_that_cannot_be_fetched_again_are_used_on_for_a_while() {
    let idp = Idp::p256("one");
    let trust = trust(&[&idp.jwk], |_| {});
    assert!(trust.hub.verify(&idp.token()).await.is_ok());
    std::fs::write(&trust.file, "<html>maintenance</html>").unwrap();
    advance(Duration::from_mins(30)).await;
    assert!(trust.hub.verify(&idp.token()).await.is_ok());
    advance(Duration::from_mins(31)).await;
    let verdict = trust.hub.verify(&idp.token()).await;
    assert_eq!(verdict, Err(TokenError::KeysUnavailable));
    assert!(TokenError::KeysUnavailable.code().is_retryable());
    write_keys(&trust.file, &[&idp.jwk]);
    advance(Duration::from_secs(16)).await;
    assert!(trust.hub.verify(&idp.token()).await.is_ok());
}
