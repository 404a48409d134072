//! A process that holds sockets: how it is driven, and what it does.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io::{self, Write as _},
    process::Stdio,
    rc::Rc,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines, stdin},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{
    share::{Held, Ready, Share, Told},
    wave,
};
use crate::{error::LoadError, machine, wire::Link};

/// A process that holds sockets, from outside.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    input: ChildStdin,
    words: Words,
}

/// What it tells.
#[derive(Debug, Clone)]
pub(super) struct Words(Rc<tokio::sync::Mutex<Lines<BufReader<ChildStdout>>>>);

impl Words {
    pub(super) async fn next(&self) -> Result<Told, LoadError> {
        let line = self.0.lock().await.next_line().await.map_err(LoadError::io("a process"))?;
        let words =
            line.ok_or_else(|| LoadError::Usage("a process that held sockets ended".to_owned()))?;
        serde_json::from_str(&words).map_err(|error| LoadError::io("a process")(error.into()))
    }
}

impl Worker {
    /// Starts this program once more.
    pub(super) async fn start(share: &Share) -> Result<Self, LoadError> {
        let cannot = "cannot start a process to hold sockets";
        let program = std::env::current_exe().map_err(LoadError::io(cannot))?;
        let mut command = Command::new(program);
        command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(LoadError::io(cannot))?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(LoadError::Usage(cannot.to_owned()));
        };
        let mut line =
            serde_json::to_vec(share).map_err(|error| LoadError::io(cannot)(error.into()))?;
        line.push(b'\n');
        input.write_all(&line).await.map_err(LoadError::io(cannot))?;
        let lines = BufReader::new(output).lines();
        Ok(Self { child, input, words: Words(Rc::new(tokio::sync::Mutex::new(lines))) })
    }

    /// What it tells.
    pub(super) fn words(&self) -> Words {
        self.words.clone()
    }

    /// Lets it count what is left, and end.
    pub(super) async fn end(self) -> Result<Held, LoadError> {
        let Self { mut child, input, words } = self;
        drop(input);
        let held = loop {
            if let Told::Held(held) = words.next().await? {
                break held;
            }
        };
        child.wait().await.map_err(LoadError::io("a process"))?;
        Ok(held)
    }
}

/// The process itself: opens its share, holds it until its input ends.
pub(crate) async fn worker() -> Result<bool, LoadError> {
    let mut lines = BufReader::new(stdin()).lines();
    let line = lines.next_line().await.map_err(LoadError::io("standard input"))?;
    let share = serde_json::from_str(&line.unwrap_or_default());
    let share: Rc<Share> = Rc::new(share.map_err(|error| LoadError::Usage(error.to_string()))?);
    machine::allow_sockets(share.sockets)?;
    let idle = Rc::<Idle>::default();
    let mut ready = Ready::default();
    let end = share.first + share.sockets;
    for first in (share.first..end).step_by(share.wave) {
        let numbers = first..end.min(first + share.wave);
        let opened = numbers.len() as u64;
        let wave = wave::open(&share, numbers).await;
        wave.add_to(&mut ready);
        wave.links
            .into_iter()
            .for_each(|link| drop(tokio::task::spawn_local(Rc::clone(&idle).hold(link))));
        tell(&Told::Opened(opened))?;
    }
    tell(&Told::Ready(ready))?;
    while let Ok(Some(_)) = lines.next_line().await {}
    let (alive, errors) = (idle.alive.get(), idle.errors.borrow().clone());
    tell(&Told::Held(Held { alive, errors }))?;
    Ok(true)
}

fn tell(told: &Told) -> Result<(), LoadError> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, told)
        .map_err(io::Error::from)
        .and_then(|()| writeln!(out))
        .and_then(|()| out.flush())
        .map_err(LoadError::io("standard output"))
}

/// Sockets that are idle.
#[derive(Debug, Default)]
struct Idle {
    alive: Cell<u64>,
    errors: RefCell<BTreeMap<String, u64>>,
}

impl Idle {
    /// Reads, so that pings are answered, until the socket ends.
    async fn hold(self: Rc<Self>, mut link: Link) {
        self.alive.set(self.alive.get() + 1);
        let error = loop {
            if let Err(error) = link.receiver.receive(|_| {}).await {
                break error;
            }
        };
        self.alive.set(self.alive.get() - 1);
        *self.errors.borrow_mut().entry(error.code()).or_default() += 1;
    }
}
