//! Clients that mean no harm: they edit one project by the clock, and all follow it.

use std::{cell::RefCell, rc::Rc, time::Duration};

use rowcast_protocol::{ChannelName, Codec, Fields, Op, Reply, ServerMessage};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};
use uuid::Uuid;

use crate::{
    cli::{HostileArgs, Kind},
    crowd::{self, Seat},
    error::LoadError,
    findings::Findings,
    latency::{Latencies, Summary},
    rows,
    target::Target,
    wire::{Address, Decoder, Link, LinkError, Outbox, Receiver, Scanner, marked},
};

/// How long the last deliveries of a measurement may take.
const LAST_DELIVERIES: Duration = Duration::from_secs(20);
/// How often somebody new comes.
const BETWEEN_NEWCOMERS: Duration = Duration::from_millis(500);
/// Rows that each client edits in turn: two edits of one row in one batch become one change, and only
/// the later title is delivered.
const ROWS_EACH: usize = 20;
/// Bytes of a title.
const PAYLOAD: usize = 60;
/// Frames without payloads are decoded up to this length: errors are short, snapshots are not.
const SHORT: usize = 4_096;

/// Without the attack, or with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Without,
    With,
}

/// One edit.
#[derive(Debug)]
struct Sent {
    at: Instant,
    left: usize,
    side: Option<Side>,
}

/// What all of them share.
#[derive(Debug)]
struct Board {
    clients: usize,
    /// What is measured now.
    side: Option<Side>,
    sent: Vec<Sent>,
    /// Edits of measurements that not everybody has.
    open: usize,
    without: Latencies,
    with: Latencies,
    newcomers: Latencies,
    findings: Findings,
    quiet: Rc<Notify>,
}

/// The clients. Dropping it ends them.
#[derive(Debug)]
pub(super) struct Normal {
    board: Rc<RefCell<Board>>,
    _clients: JoinSet<()>,
}

impl Normal {
    /// Opens their sockets and lets them edit.
    pub(super) async fn begin(
        args: &HostileArgs,
        target: &Target,
        people: usize,
    ) -> Result<Self, LoadError> {
        let codec = args.hub.codec.into();
        let nowhere = || LoadError::Usage("no project to edit".to_owned());
        let channel = target.channel(0).ok_or_else(nowhere)?.clone();
        let token = |number: usize| target.token(number % people.max(1)).into();
        let seat = |number| Seat { token: token(number), channels: vec![channel.clone()] };
        let mut seated =
            crowd::open(target, codec, (0..args.normal.max(1)).map(seat).collect()).await?;
        let first = seated.first_mut().ok_or_else(nowhere)?;
        let rows = rows::create(&mut first.link, &channel, rows_of(args)).await;
        let rows = rows.map_err(LoadError::link("cannot make rows to edit"))?;
        let board = Rc::new(RefCell::new(Board::new(seated.len())));
        let (pace, mut clients) = (Pace::of(args), JoinSet::new());
        for (number, (seated, rows)) in seated.into_iter().zip(rows.chunks(ROWS_EACH)).enumerate() {
            let Link { outbox, receiver } = seated.link;
            let (rows, board) = (rows.to_vec(), Rc::clone(&board));
            clients.spawn_local(read(receiver, codec, Rc::clone(&board)));
            let editor = Editor { rows, channel: channel.clone(), board };
            clients.spawn_local(editor.run(outbox, pace, number));
        }
        let newcomer = Newcomer {
            address: target.address.clone(),
            codec,
            token: target.token(0).to_owned(),
            channel,
        };
        clients.spawn_local(newcomers(newcomer, Rc::clone(&board)));
        Ok(Self { board, _clients: clients })
    }

    /// Counts the edits that are made during this time, until all of them are delivered.
    pub(super) async fn measure(&self, side: Side, time: Duration) {
        self.board.borrow_mut().side = Some(side);
        sleep(time).await;
        let quiet = {
            let mut board = self.board.borrow_mut();
            board.side = None;
            Rc::clone(&board.quiet)
        };
        let delivered = async {
            while self.board.borrow().open > 0 {
                quiet.notified().await;
            }
        };
        if timeout(LAST_DELIVERIES, delivered).await.is_err() {
            self.board.borrow_mut().give_up();
        }
    }

    /// From an edit to each delivery.
    pub(super) fn latencies(&self, side: Side) -> Option<Summary> {
        let board = self.board.borrow();
        match side {
            Side::Without => board.without.summary(),
            Side::With => board.with.summary(),
        }
    }

    /// From connecting to `subscribed`, under attacks.
    pub(super) fn newcomers(&self) -> Option<Summary> {
        self.board.borrow().newcomers.summary()
    }

    /// What was wrong.
    pub(super) fn take_findings(&self, kind: Kind) -> Findings {
        let mut named = Findings::default();
        let found = std::mem::take(&mut self.board.borrow_mut().findings);
        let (count, told) = found.told();
        let more = count.saturating_sub(told.len() as u64);
        told.iter().for_each(|words| named.add(|| format!("{}: {words}", kind.name())));
        (0..more).for_each(|_| named.add(|| format!("{}: more of this kind", kind.name())));
        named
    }
}

impl Board {
    fn new(clients: usize) -> Self {
        Self {
            clients,
            side: None,
            sent: Vec::new(),
            open: 0,
            without: Latencies::default(),
            with: Latencies::default(),
            newcomers: Latencies::default(),
            findings: Findings::default(),
            quiet: Rc::default(),
        }
    }

    /// An edit that was due at this time goes out; its number.
    fn send(&mut self, at: Instant) -> u64 {
        self.open += usize::from(self.side.is_some());
        self.sent.push(Sent { at, left: self.clients, side: self.side });
        self.sent.len() as u64 - 1
    }

    /// Somebody has it.
    fn delivered(&mut self, number: u64, now: Instant) {
        let Some(sent) = usize::try_from(number).ok().and_then(|at| self.sent.get_mut(at)) else {
            return;
        };
        let latency = now.saturating_duration_since(sent.at);
        match sent.side {
            Some(Side::Without) => self.without.record(latency),
            Some(Side::With) => self.with.record(latency),
            None => {}
        }
        sent.left = sent.left.saturating_sub(1);
        let whole = sent.left == 0;
        if whole {
            self.close(number);
        }
    }

    /// Nobody waits for it any more.
    fn close(&mut self, number: u64) {
        let sent = usize::try_from(number).ok().and_then(|at| self.sent.get_mut(at));
        if sent.is_some_and(|sent| sent.side.take().is_some()) {
            self.open -= 1;
        }
        if self.open == 0 {
            self.quiet.notify_one();
        }
    }

    /// What is open now is lost.
    fn give_up(&mut self) {
        let lost = self.open;
        self.findings.add(|| format!("{lost} edits did not reach everybody within 20 s"));
        self.sent.iter_mut().for_each(|sent| sent.side = None);
        self.open = 0;
    }
}

/// When each client edits.
#[derive(Debug, Clone, Copy)]
struct Pace {
    between: Duration,
    clients: u32,
}

impl Pace {
    fn of(args: &HostileArgs) -> Self {
        let between = Duration::try_from_secs_f64(1.0 / args.rate).unwrap_or(Duration::MAX);
        Self { between, clients: u32::try_from(args.normal.max(1)).unwrap_or(u32::MAX) }
    }
}

fn rows_of(args: &HostileArgs) -> usize {
    args.normal.max(1) * ROWS_EACH
}

/// One client that edits its own rows.
#[derive(Debug)]
struct Editor {
    rows: Vec<Uuid>,
    channel: ChannelName,
    board: Rc<RefCell<Board>>,
}

impl Editor {
    /// Edits by the clock until the socket ends. What waits in the socket counts from when it was due.
    async fn run(self, outbox: Rc<Outbox>, pace: Pace, number: usize) {
        let first = pace.between.saturating_mul(u32::try_from(number).unwrap_or(0));
        let mut due = Instant::now() + first;
        for row in self.rows.iter().cycle() {
            sleep_until(due).await;
            let number = self.board.borrow_mut().send(due);
            let title = Fields::from_iter([("title", marked(number, PAYLOAD))]);
            let update = rows::update(*row, title);
            outbox.queue(&rows::request(number, &self.channel, vec![Op::Update(update)]));
            if outbox.flush().await.is_err() {
                return; // its reader says why
            }
            due += pace.between.saturating_mul(pace.clients);
        }
    }
}

/// Reads until the socket ends.
async fn read(mut receiver: Receiver, codec: Codec, board: Rc<RefCell<Board>>) {
    let (mut scanner, mut decoder) = (Scanner::new(true), Decoder::new(codec));
    loop {
        let received = receiver.receive(|payload| {
            let numbers = scanner.scan(payload);
            let (mut board, now) = (board.borrow_mut(), Instant::now());
            numbers.iter().for_each(|number| board.delivered(*number, now));
            if numbers.is_empty() && payload.len() < SHORT {
                look_for_errors(&mut board, &mut decoder, payload);
            }
        });
        if let Err(error) = received.await {
            let mut board = board.borrow_mut();
            board.clients -= 1;
            return board.findings.add(|| format!("a normal client lost its socket: {error}"));
        }
    }
}

fn look_for_errors(board: &mut Board, decoder: &mut Decoder, payload: &[u8]) {
    let Ok(Some(ServerMessage::Reply(Reply::Error(error)))) = decoder.message(payload) else {
        return;
    };
    let code = error.code.as_str();
    board.findings.add(|| format!("an edit of a normal client was refused: {code}"));
    error.reference.into_iter().for_each(|number| board.close(number));
}

/// Somebody who comes, follows the project, and goes.
#[derive(Debug)]
struct Newcomer {
    address: Address,
    codec: Codec,
    token: String,
    channel: ChannelName,
}

impl Newcomer {
    async fn come(&self) -> Result<(), LinkError> {
        let mut link = Link::open(&self.address, None, self.codec).await?;
        link.greet(&self.token).await?;
        link.subscribe(&self.channel).await.map(drop)
    }
}

/// Lets somebody come again and again. To be told to come back later is no fault.
async fn newcomers(newcomer: Newcomer, board: Rc<RefCell<Board>>) {
    loop {
        let came = Instant::now();
        let outcome = newcomer.come().await;
        {
            let mut board = board.borrow_mut();
            match outcome {
                Ok(()) if board.side == Some(Side::With) => {
                    board.newcomers.record(came.elapsed());
                }
                Ok(()) => {}
                Err(LinkError::Error(error)) if error.retry => {}
                Err(error) => board.findings.add(|| format!("somebody new was kept out: {error}")),
            }
        }
        sleep(BETWEEN_NEWCOMERS).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measuring() -> (Board, Instant) {
        let mut board = Board::new(2);
        board.side = Some(Side::With);
        (board, Instant::now())
    }

    #[test]
    fn an_edit_is_open_until_everybody_has_it() {
        let (mut board, now) = measuring();
        let number = board.send(now);
        board.delivered(number, now);
        assert_eq!(board.open, 1);
        board.delivered(number, now);
        assert_eq!(board.open, 0);
        assert_eq!(board.with.summary().unwrap().count, 2);
    }

    #[test]
    fn nobody_waits_for_an_edit_that_was_refused_or_not_measured() {
        let (mut board, now) = measuring();
        let refused = board.send(now);
        board.close(refused);
        board.close(refused);
        board.side = None;
        board.send(now);
        assert_eq!(board.open, 0);
        assert!(board.without.summary().is_none() && board.with.summary().is_none());
    }

    #[test]
    fn what_was_not_delivered_is_told() {
        let (mut board, now) = measuring();
        let number = board.send(now);
        board.give_up();
        board.delivered(number, now);
        assert_eq!((board.open, board.findings.told().0), (0, 1));
    }
}
