//! Who may do what, by both kinds of access rule.

use rowcast_protocol::{ChannelName, Role};

use crate::{
    bench::{Bench, P, Q, board, project},
    harness::Harness,
};

pub(crate) async fn a_member_has_the_role_of_the_row<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    for (user, role) in [("ada", Role::Owner), ("ben", Role::Editor), ("cleo", Role::Viewer)] {
        assert_eq!(bench.store.role(&project(P), user).await.unwrap(), Some(role), "{user}");
    }
    bench.outside("UPDATE members SET role = 'viewer' WHERE user_id = 'ben'").await;
    assert_eq!(bench.store.role(&project(P), "ben").await.unwrap(), Some(Role::Viewer));
}

pub(crate) async fn somebody_else_has_none<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    for (channel, user) in [
        (project(Q), "cleo"),
        (project(P), "nobody"),
        (project("no-uuid"), "ada"),
        (project("33333333-0000-4000-8000-000000000003"), "ada"),
        (ChannelName::new("planet:mars").unwrap(), "ada"),
    ] {
        assert_eq!(bench.store.role(&channel, user).await.unwrap(), None, "{channel} {user}");
    }
}

pub(crate) async fn an_own_channel_is_its_persons<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    let adas = ChannelName::new("user:ada").unwrap();
    assert_eq!(bench.store.role(&adas, "ada").await.unwrap(), Some(Role::Owner));
    assert_eq!(bench.store.role(&adas, "ben").await.unwrap(), None);
    assert_eq!(bench.store.role(&board("ben"), "ben").await.unwrap(), Some(Role::Editor));
}

pub(crate) async fn people_have_names<H: Harness>() {
    let bench = Bench::<H>::fresh().await;
    assert_eq!(bench.store.person_name("ada").await.unwrap().as_deref(), Some("Ada"));
    assert_eq!(bench.store.person_name("nobody").await.unwrap(), None);
}
