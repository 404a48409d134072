//! What a run begins with: projects with rows, devices whose rows are whole, editors.

use std::{cell::Cell, rc::Rc, time::Duration};

use rowcast_protocol::{ChannelName, Codec};

use super::{
    device::{Device, Shared},
    editor::{Editor, Pace},
    mix::{Board, Mix},
    replica::Keys,
};
use crate::{
    cli::EditsArgs,
    crowd::{self, Seat, Seated},
    error::LoadError,
    report, rows,
    target::{Target, within},
    wire::{Link, LinkError},
};

/// How long the first snapshots may take.
const FIRST_SNAPSHOTS: Duration = Duration::from_secs(60);

/// Everything that runs.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) shared: Rc<Shared>,
    pub(super) devices: Vec<Rc<Device>>,
    pub(super) keys: Rc<Keys>,
    pub(super) stop: Rc<Cell<bool>>,
}

impl Stage {
    /// Sets the stage and lets the editors begin.
    pub(super) async fn set(args: &EditsArgs, target: &Target) -> Result<Self, LoadError> {
        let codec = args.hub.codec.into();
        let boards = boards(args, target, codec).await?;
        let parts: Vec<_> =
            (0..args.editors.max(1)).map(|editor| part(args, &boards, editor)).collect();
        let seated = crowd::open(target, codec, seats(args, target, &parts)).await?;
        let schema = seated.first().map(|first| &first.welcome.schema);
        let keys = Rc::new(schema.map(Keys::of).unwrap_or_default());
        let shared = Rc::<Shared>::default();
        let mut stage = Self { shared, devices: Vec::new(), keys, stop: Rc::default() };
        for (seated, part) in seated.into_iter().zip(parts.iter().cycle()) {
            stage.begin_reading(seated, part, codec);
        }
        stage.wait_for_snapshots().await?;
        stage.begin_editing(args, parts);
        Ok(stage)
    }

    fn begin_reading(&mut self, seated: Seated, part: &[Board], codec: Codec) {
        let channels: Vec<_> = part.iter().map(|board| board.channel.clone()).collect();
        let Link { outbox, receiver } = seated.link;
        let number = self.devices.len();
        let device = Device::new(number, &channels, &self.keys, outbox, Rc::clone(&self.shared));
        let device = Rc::new(device);
        tokio::task::spawn_local(Rc::clone(&device).run(receiver, codec));
        self.devices.push(device);
    }

    async fn wait_for_snapshots(&self) -> Result<(), LoadError> {
        let whole = self.until(|| self.devices.iter().all(|device| device.is_whole()));
        tokio::select! {
            outcome = within(FIRST_SNAPSHOTS, "the first snapshots", whole) => outcome,
            () = self.shared.failed.notified() => Err(self.failure()),
        }
    }

    fn begin_editing(&self, args: &EditsArgs, parts: Vec<Vec<Board>>) {
        for (number, (boards, device)) in parts.into_iter().zip(&self.devices).enumerate() {
            let editor = Editor {
                device: Rc::clone(device),
                shared: Rc::clone(&self.shared),
                mix: Mix::new(args.mix, number, boards.len(), args.seed),
                boards,
                pace: Pace::of(args, number),
                audience: audience(args, number),
                stop: Rc::clone(&self.stop),
            };
            tokio::task::spawn_local(editor.run());
        }
    }

    /// Waits until something holds that the devices bring about.
    async fn until(&self, holds: impl Fn() -> bool) {
        loop {
            let progress = self.shared.progress.notified();
            if holds() {
                return;
            }
            progress.await;
        }
    }

    /// Waits until every edit is acked and delivered, or replaced by a snapshot.
    pub(super) async fn settled(&self) {
        self.until(|| self.shared.ledger.borrow().open() == 0).await;
    }

    /// Whether the hub gave some device a second snapshot.
    pub(super) fn started_over(&self) -> bool {
        let replicas = self.devices.iter().flat_map(|device| device.replicas.values());
        replicas.into_iter().any(|replica| replica.borrow().snapshots() > 1)
    }

    /// Why the run cannot go on.
    pub(super) fn failure(&self) -> LoadError {
        let failure = self.shared.failure();
        failure.map_or(LoadError::Interrupted, |(what, error)| LoadError::Link { what, error })
    }
}

/// Projects with rows, which are made through the hub.
async fn boards(args: &EditsArgs, target: &Target, codec: Codec) -> Result<Vec<Board>, LoadError> {
    let what = "cannot make rows to edit";
    let opened = Link::open(&target.address, None, codec).await;
    let mut link = opened.map_err(LoadError::link(what))?;
    link.greet(target.token(0)).await.map_err(LoadError::link(what))?;
    let bar = report::bar(target.channels.len() as u64, "making rows");
    let mut boards = Vec::new();
    for channel in target.channels.iter().take(args.projects.max(1)) {
        boards.push(board(&mut link, channel, args.rows).await.map_err(LoadError::link(what))?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(boards)
}

async fn board(link: &mut Link, channel: &ChannelName, count: usize) -> Result<Board, LinkError> {
    let rows = rows::create(link, channel, count.max(1)).await?;
    Ok(Board { channel: channel.clone(), rows })
}

/// The projects of one editor: one where there are fewer projects than editors, else every so
/// manieth.
fn part(args: &EditsArgs, boards: &[Board], editor: usize) -> Vec<Board> {
    let editors = args.editors.max(1);
    if boards.len() <= editors {
        return boards.iter().cycle().nth(editor).cloned().into_iter().collect();
    }
    boards.iter().skip(editor).step_by(editors).cloned().collect()
}

/// How many devices follow each channel of an editor.
fn audience(args: &EditsArgs, editor: usize) -> usize {
    let (editors, projects) = (args.editors.max(1), args.projects.max(1));
    let together = if projects >= editors {
        1
    } else {
        // Editors of one project: those with the same remainder.
        (editors - 1 - editor % projects) / projects + 1
    };
    together * args.devices.max(1)
}

/// The sockets: first all that edit, then those that watch, in the order of the editors.
fn seats(args: &EditsArgs, target: &Target, parts: &[Vec<Board>]) -> Vec<Seat> {
    let editors = parts.iter().enumerate().map(|(number, boards)| Seat {
        token: target.token(number).into(),
        channels: boards.iter().map(|board| board.channel.clone()).collect(),
    });
    let editors: Vec<_> = editors.collect();
    editors.iter().cycle().take(editors.len() * args.devices.max(1)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{CommandLine, Scenario};

    fn args(editors: usize, projects: usize, devices: usize) -> EditsArgs {
        let words = format!(
            "x edits --spawn --editors {editors} --projects {projects} --devices {devices}"
        );
        match CommandLine::parse_from(words.split(' ')).scenario {
            Scenario::Edits(args) => args,
            other => panic!("{other:?}"),
        }
    }

    fn boards(count: usize) -> Vec<Board> {
        let channel = |n| ChannelName::new(&format!("project:{n}")).unwrap();
        (0..count).map(|n| Board { channel: channel(n), rows: Vec::new() }).collect()
    }

    #[test]
    fn the_audience_is_everybody_who_follows_the_channel() {
        for (editors, projects, devices) in
            [(10, 1, 2), (10, 3, 2), (4, 4, 1), (3, 10, 2), (1, 1, 1)]
        {
            let (args, boards) = (args(editors, projects, devices), boards(projects));
            let parts: Vec<_> = (0..editors).map(|editor| part(&args, &boards, editor)).collect();
            for editor in 0..editors {
                let mine = &parts[editor][0].channel;
                let followers = parts.iter().filter(|part| part.iter().any(|b| b.channel == *mine));
                assert_eq!(followers.count() * devices, audience(&args, editor), "{args:?}");
            }
        }
    }

    #[test]
    fn every_project_is_edited() {
        let (args, boards) = (args(3, 10, 1), boards(10));
        let edited: usize = (0..3).map(|editor| part(&args, &boards, editor).len()).sum();
        assert_eq!(edited, 10);
    }
}
