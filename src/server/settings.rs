//! What each part needs of the settings.

use std::time::Duration;

use crate::{
    commit::CommitSettings,
    config::Config,
    hub::HubLimits,
    session::{PersonLimits, PersonRates, Room, SessionSettings},
};

/// Open files kept for everything that is no client.
const RESERVED_FILES: u64 = 64;
/// How long before its token expires a client is warned.
const TOKEN_WARNING: Duration = Duration::from_secs(60);

pub(super) fn workers(config: &Config) -> usize {
    match config.server.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        count => count,
    }
}

/// 0 stands for no limit.
pub(super) fn bound(limit: usize) -> u32 {
    match u32::try_from(limit) {
        Ok(0) | Err(_) => u32::MAX,
        Ok(limit) => limit,
    }
}

/// How many connections this node takes: as told, and never more than the system lets it open.
pub(super) fn room(config: &Config) -> Room {
    let files = rlimit::Resource::NOFILE.get_soft().unwrap_or(1024);
    let most = u32::try_from(files.saturating_sub(RESERVED_FILES)).unwrap_or(u32::MAX);
    let limits = &config.limits;
    Room {
        connections: bound(limits.sockets).min(most),
        of_network: (limits.sockets_per_address > 0).then(|| bound(limits.sockets_per_address)),
        not_greeted: bound(limits.sockets_not_greeted),
    }
}

pub(super) fn hub(config: &Config) -> HubLimits {
    let limits = &config.limits;
    HubLimits {
        tail_bytes: limits.tail_bytes,
        signals: limits.signal_ring,
        signal_bytes: limits.signal_ring_bytes,
        snapshots: limits.snapshots,
        snapshots_waiting: limits.snapshots_waiting,
    }
}

pub(super) fn commit(config: &Config) -> CommitSettings {
    CommitSettings {
        lanes: config.store.lanes,
        batch_edits: config.store.batch_edits,
        batch_bytes: config.store.batch_bytes,
        batch_ops: config.limits.entry_changes * 4 / 5,
        ..CommitSettings::default()
    }
}

pub(super) fn person_rates(config: &Config) -> PersonRates {
    let limits = &config.limits;
    let person = PersonLimits {
        requests_per_second: limits.person_requests_per_second.into(),
        requests_burst: limits.person_requests_burst.into(),
        bytes_per_second: limits.person_bytes_per_second,
    };
    PersonRates::new(person, &session(config))
}

pub(super) fn session(config: &Config) -> SessionSettings {
    let limits = &config.limits;
    SessionSettings {
        limits: limits.of_messages(),
        subscriptions: limits.subscriptions,
        requests_per_second: limits.requests_per_second,
        requests_burst: limits.requests_burst,
        frames_per_second: limits.frames_per_second,
        bytes_per_second: limits.bytes_per_second,
        out_bytes: limits.out_bytes,
        state_keys: limits.state_keys,
        state_bytes: limits.state_bytes,
        channel_state_bytes: limits.channel_state_bytes,
        presence_meta_bytes: limits.presence_meta_bytes,
        greeting: limits.greeting,
        message: limits.message,
        ping: limits.ping,
        pong: limits.pong,
        token_grace: config.auth.grace,
        token_warning: TOKEN_WARNING,
    }
}
