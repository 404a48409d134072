//! Who is there: people, each once, with however many devices.

use std::{collections::HashMap, sync::Arc};

use rowcast_protocol::{PresentPerson, Value};

use super::{
    latest::{Latest, Version},
    subscription::Subscriber,
};

/// The people in a channel.
#[derive(Debug, Default)]
pub struct People {
    seen: Latest<Arc<str>, PresentPerson>,
    devices: HashMap<Arc<str>, Vec<Device>>,
}

#[derive(Debug)]
struct Device {
    session: Arc<str>,
    meta: Value,
}

impl People {
    /// The newest version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.seen.version()
    }

    /// A device appears, or tells something new of itself.
    pub fn join(&mut self, who: &Subscriber, meta: Value) {
        let devices = self.devices.entry(Arc::clone(&who.user)).or_default();
        devices.retain(|device| device.session != who.session);
        devices.push(Device { session: Arc::clone(&who.session), meta });
        self.show(who);
    }

    /// A device is gone; with the last one the person is.
    pub fn part(&mut self, who: &Subscriber) {
        let Some(devices) = self.devices.get_mut(&who.user) else { return };
        devices.retain(|device| device.session != who.session);
        if devices.is_empty() {
            self.devices.remove(&who.user);
            self.seen.remove(&who.user);
        } else {
            self.show(who);
        }
    }

    /// Whether the answer is all there is; who came or changed; who left.
    #[must_use]
    pub fn after(&self, version: Version) -> (bool, Vec<PresentPerson>, Vec<String>) {
        let changes = self.seen.after(version);
        let here = changes.present.into_iter().map(|(_, person)| person.clone()).collect();
        let left = changes.removed.into_iter().map(ToString::to_string).collect();
        (changes.full, here, left)
    }

    fn show(&mut self, who: &Subscriber) {
        let devices = self.devices.get(&who.user).map_or(&[][..], Vec::as_slice);
        let person = PresentPerson {
            user: who.user.to_string(),
            name: who.name.to_string(),
            devices: u32::try_from(devices.len()).unwrap_or(u32::MAX),
            meta: devices.last().map(|device| device.meta.clone()).unwrap_or_default(),
        };
        self.seen.set(Arc::clone(&who.user), person);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(user: &str, session: &str) -> Subscriber {
        Subscriber { session: session.into(), user: user.into(), name: user.to_uppercase().into() }
    }

    #[test]
    fn a_person_with_two_devices_joins_once_and_leaves_with_the_last() {
        let mut people = People::default();
        people.join(&device("ada", "phone"), Value::Null);
        let (full, here, _) = people.after(0);
        assert!(full);
        assert_eq!((here[0].user.as_str(), here[0].devices), ("ada", 1));

        let seen = people.version();
        people.join(&device("ada", "laptop"), Value::Null);
        people.part(&device("ada", "phone"));
        let (full, here, left) = people.after(seen);
        assert!(!full && left.is_empty());
        assert_eq!((here.len(), here[0].devices), (1, 1));

        people.part(&device("ada", "laptop"));
        people.part(&device("ada", "laptop"));
        assert_eq!(people.after(seen).2, ["ada"]);
    }
}
