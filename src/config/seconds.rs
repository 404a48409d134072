//! Durations as whole numbers of seconds, milliseconds, minutes or days in the settings.

macro_rules! unit {
    ($(#[doc = $doc:literal])+ $name:ident, $millis:literal) => {
        $(#[doc = $doc])+
        pub(super) mod $name {
            use std::time::Duration;

            use serde::{Deserialize as _, Deserializer, Serializer};

            pub(in crate::config) fn serialize<S: Serializer>(
                duration: &Duration,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                let units = duration.as_millis() / $millis;
                serializer.serialize_u64(u64::try_from(units).unwrap_or(u64::MAX))
            }

            pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Duration, D::Error> {
                let units = u64::from(u32::deserialize(deserializer)?);
                Ok(Duration::from_millis(units * $millis))
            }
        }
    };
}

unit! {
    /// Milliseconds.
    millis, 1
}
unit! {
    /// Seconds.
    seconds, 1_000
}
unit! {
    /// Minutes.
    minutes, 60_000
}
unit! {
    /// Days.
    days, 86_400_000
}
