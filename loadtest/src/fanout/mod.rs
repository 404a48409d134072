//! `fanout`: one channel, many subscribers, a closed loop.
//!
//! The first subscriber publishes; a publish is under way until every subscriber has it, and so many
//! are under way at once as the window says. Every subscriber must receive every publish once and in
//! order.

mod board;
mod figures;
mod publisher;
mod subscriber;

use std::{cell::RefCell, rc::Rc, time::Duration};

use rowcast_protocol::Codec;

use self::{board::Board, publisher::Publisher, subscriber::Subscriber};
use crate::{
    cli::{FanoutArgs, seconds},
    crowd::{self, Seat},
    error::LoadError,
    findings::Findings,
    machine,
    report::{self, Report},
    rows,
    target::{Described, Limits, Meter, Target, Wanted, interruptible, within},
    wire::{Link, Scanner},
};
pub(crate) use figures::{Figures, WindowFigures};

/// How long the last deliveries of a window may take.
const DRAIN: Duration = Duration::from_secs(15);
/// Rows that edits go round, for each publish under way: no two of a batch touch the same row.
const ROWS_PER_PUBLISH: usize = 4;

/// People that subscribers belong to.
const PEOPLE: usize = 20;

/// Runs it. `true`: nothing was wrong.
pub(crate) async fn run(args: FanoutArgs) -> Result<bool, LoadError> {
    let (hub, figures, wrong) = measured(&args).await?;
    report::say(&figures.table(args.edits).to_string())?;
    let file = args.hub.json.clone();
    Report::new("fanout", hub, args, figures, wrong).finish(file.as_deref())
}

/// Runs it on a hub of its own or the one named, and closes that.
pub(crate) async fn measured(
    args: &FanoutArgs,
) -> Result<(Described, Figures, Findings), LoadError> {
    machine::allow_sockets(args.subscribers)?;
    let people = PEOPLE.min(args.subscribers);
    let wanted = Wanted { people, projects: 1, limits: Limits::Raised };
    let mut target = Target::prepare(&args.hub, wanted).await?;
    let outcome = interruptible(measure(args, &target)).await;
    let outcome = target.check_alive().and(outcome);
    let hub = target.described();
    target.close().await;
    outcome.map(|(figures, wrong)| (hub, figures, wrong))
}

async fn measure(args: &FanoutArgs, target: &Target) -> Result<(Figures, Findings), LoadError> {
    let codec = args.hub.codec.into();
    let publisher = publisher(args, target, codec).await?;
    let board = begin(args, target, codec, publisher).await?;
    let mut windows = Vec::new();
    for window in &args.windows {
        windows.push(measure_window(args, target, &board, *window).await?);
    }
    let findings = board.borrow_mut().take_findings();
    Ok((Figures { subscribers: args.subscribers, windows }, findings))
}

async fn publisher(
    args: &FanoutArgs,
    target: &Target,
    codec: Codec,
) -> Result<Publisher, LoadError> {
    let nowhere = || LoadError::Usage("no channel to publish on".to_owned());
    let channel = target.channel(0).ok_or_else(nowhere)?.clone();
    let most = args.windows.iter().copied().max().unwrap_or(1);
    let mut rows = Vec::new();
    if args.edits {
        let cannot = "cannot make rows to edit";
        let mut link =
            Link::open(&target.address, None, codec).await.map_err(LoadError::link(cannot))?;
        link.greet(target.token(0)).await.map_err(LoadError::link(cannot))?;
        let count = most * ROWS_PER_PUBLISH;
        rows = rows::create(&mut link, &channel, count).await.map_err(LoadError::link(cannot))?;
    }
    Ok(Publisher { channel, rows, payload: args.payload })
}

/// Opens all sockets and begins to read them, and to publish as the board allows.
async fn begin(
    args: &FanoutArgs,
    target: &Target,
    codec: Codec,
    publisher: Publisher,
) -> Result<Rc<RefCell<Board>>, LoadError> {
    let channel = publisher.channel.clone();
    let seat =
        |number| Seat { token: target.token(number).into(), channels: vec![channel.clone()] };
    let seats = (0..args.subscribers.max(1)).map(seat).collect();
    let seated = crowd::open(target, codec, seats).await?;
    let board = Rc::new(RefCell::new(Board::new(seated.len())));
    let outbox = seated.first().map(|first| Rc::clone(&first.link.outbox));
    let scanner = Rc::new(RefCell::new(Scanner::new(args.edits)));
    for (number, seated) in seated.into_iter().enumerate() {
        let (scanner, board) = (Rc::clone(&scanner), Rc::clone(&board));
        let subscriber = Subscriber::new(number, codec, scanner, board);
        tokio::task::spawn_local(subscriber.run(seated.link));
    }
    if let Some(outbox) = outbox {
        tokio::task::spawn_local(publisher.run(outbox, Rc::clone(&board)));
    }
    Ok(board)
}

async fn measure_window(
    args: &FanoutArgs,
    target: &Target,
    board: &RefCell<Board>,
    window: usize,
) -> Result<WindowFigures, LoadError> {
    board.borrow_mut().open_window(window);
    let (failed, wake) = (board.borrow().failed(), board.borrow().wake());
    wake.notify_one();
    let watched = async {
        report::pass(seconds(args.warmup), "warming up").await;
        board.borrow_mut().begin_measuring();
        let meter = Meter::begin(target)?;
        report::pass(seconds(args.seconds), "measuring").await;
        let used = meter.used(target)?;
        Ok(board.borrow_mut().figures(window, used))
    };
    let figures = tokio::select! {
        figures = watched => figures,
        () = failed.notified() => Err(board.borrow_mut().failure()),
    }?;
    drain(board).await?;
    Ok(figures)
}

/// Waits until nothing is under way. What is missing then is lost.
async fn drain(board: &RefCell<Board>) -> Result<(), LoadError> {
    board.borrow_mut().open_window(0);
    let (quiet, failed) = (board.borrow().quiet(), board.borrow().failed());
    let is_quiet = || board.borrow().is_quiet();
    let waiting = within(DRAIN, "the last deliveries of a window", async {
        while !is_quiet() {
            quiet.notified().await;
        }
    });
    tokio::select! {
        waited = waiting => waited.map_err(|_| LoadError::Lost(board.borrow().missing())),
        () = failed.notified() => Err(board.borrow_mut().failure()),
    }
}
