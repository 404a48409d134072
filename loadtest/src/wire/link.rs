//! One socket: opened, greeted, subscribed, then read.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use rowcast_protocol::{
    ChannelName, Codec, ErrorReply, Reply, Request, ServerMessage,
    reply::{Subscribed, Welcome},
    request::{Hello, PresenceMode, Subscribe},
};
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    net::{TcpSocket, TcpStream, tcp::OwnedReadHalf},
};

use super::{
    Outbox,
    decoder::decode,
    frame::{self, Frame, FrameError, Frames},
    handshake,
};

/// What one read takes at most; one buffer serves all sockets of a thread.
const READ_BYTES: usize = 256 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Where the hub listens.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Address {
    /// The address and port.
    pub(crate) socket: SocketAddr,
    /// What stands in the `Host` header.
    pub(crate) host: String,
}

/// Why a socket is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("the upgrade was refused with HTTP status {0}")]
    Refused(String),
    #[error("no WebSocket there; the answer to the upgrade began with `{0}`")]
    NotUpgraded(String),
    #[error("the hub closed with {0} {1}")]
    Closed(u16, String),
    #[error("the connection ended without a close frame")]
    Ended,
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("the hub answered {}: {}", .0.code.as_str(), .0.message)]
    Error(Box<ErrorReply>),
    #[error("the hub sent what is no message: {0}")]
    Undecodable(String),
}

impl LinkError {
    /// A short name to count by.
    pub(crate) fn code(&self) -> String {
        match self {
            Self::Io(error) => format!("connection: {}", error.kind()),
            Self::Refused(status) => format!("http {status}"),
            Self::NotUpgraded(_) => "no upgrade".to_owned(),
            Self::Closed(code, _) => format!("close {code}"),
            Self::Ended => "ended".to_owned(),
            Self::Frame(_) => "bad frame".to_owned(),
            Self::Error(error) => error.code.as_str().to_owned(),
            Self::Undecodable(_) => "bad message".to_owned(),
        }
    }
}

/// A socket that is upgraded.
#[derive(Debug)]
pub(crate) struct Link {
    /// What goes out.
    pub(crate) outbox: Rc<Outbox>,
    /// What comes in.
    pub(crate) receiver: Receiver,
}

impl Link {
    /// Connects and upgrades. `source` is the address and port to connect from.
    pub(crate) async fn open(
        address: &Address,
        source: Option<SocketAddr>,
        codec: Codec,
    ) -> Result<Self, LinkError> {
        let mut stream = connect(address.socket, source).await?;
        stream.set_nodelay(true)?;
        let early = handshake::upgrade(&mut stream, address, codec).await?;
        let (read, write) = stream.into_split();
        let outbox = Rc::new(Outbox::new(write, codec));
        let mut receiver = Receiver::new(read, codec, Rc::clone(&outbox));
        receiver.take_early(&early)?;
        Ok(Self { outbox, receiver })
    }

    /// Says who this is.
    pub(crate) async fn greet(&mut self, token: &str) -> Result<Box<Welcome>, LinkError> {
        let client = concat!("rowcast-loadtest/", env!("CARGO_PKG_VERSION"));
        let hello = Hello {
            reference: 0,
            token: Some(token.to_owned()),
            client: Some(client.to_owned()),
            schema: None,
        };
        match self.ask(&Request::Hello(hello)).await? {
            Reply::Welcome(welcome) => Ok(welcome),
            other => Err(unexpected(&other)),
        }
    }

    /// Follows a channel, from a snapshot on.
    pub(crate) async fn subscribe(
        &mut self,
        channel: &ChannelName,
    ) -> Result<Subscribed, LinkError> {
        let subscribe = Subscribe {
            reference: 0,
            channel: channel.clone(),
            cursor: None,
            presence: PresenceMode::Off,
            meta: None,
        };
        match self.ask(&Request::Subscribe(subscribe)).await? {
            Reply::Subscribed(subscribed) => Ok(subscribed),
            other => Err(unexpected(&other)),
        }
    }

    /// Sends a request and waits for the next reply; news that came before it is kept.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<Reply, LinkError> {
        self.outbox.queue(request);
        self.outbox.flush().await?;
        self.receiver.reply().await
    }
}

/// Connects, from this address and port if they are free.
pub(super) async fn connect(to: SocketAddr, source: Option<SocketAddr>) -> io::Result<TcpStream> {
    let Some(mut source) = source else { return TcpStream::connect(to).await };
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    if let Err(error) = socket.bind(source) {
        if error.kind() != io::ErrorKind::AddrInUse {
            return Err(error);
        }
        // To search for a free port can take the kernel milliseconds; only where it must be.
        source.set_port(0);
        socket.bind(source)?;
    }
    socket.connect(to).await
}

fn unexpected(reply: &Reply) -> LinkError {
    LinkError::Undecodable(format!("an unexpected reply: {reply:?}").chars().take(200).collect())
}

/// The incoming half of a socket.
#[derive(Debug)]
pub(crate) struct Receiver {
    half: OwnedReadHalf,
    codec: Codec,
    frames: Frames,
    outbox: Rc<Outbox>,
    /// News that came while a reply was waited for.
    kept: VecDeque<Vec<u8>>,
}

impl Receiver {
    fn new(half: OwnedReadHalf, codec: Codec, outbox: Rc<Outbox>) -> Self {
        Self { half, codec, frames: Frames::default(), outbox, kept: VecDeque::new() }
    }

    fn take_early(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let (frames, kept) = (&mut self.frames, &mut self.kept);
        Ok(frames.feed(bytes, |frame| kept.push_back(frame.payload.to_vec()))?)
    }

    /// Waits until something comes, and hands out the messages in it as they lie in their frames;
    /// long ones in parts. Control frames are answered.
    pub(crate) async fn receive(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), LinkError> {
        if !self.kept.is_empty() {
            std::mem::take(&mut self.kept).iter().for_each(|payload| each(payload));
            return Ok(());
        }
        poll_fn(|context| self.poll_read(context, &mut each)).await
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        each: &mut impl FnMut(&[u8]),
    ) -> Poll<Result<(), LinkError>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            match Pin::new(&mut self.half).poll_read(context, &mut buffer) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                    Poll::Ready(Err(LinkError::Ended))
                }
                Poll::Ready(Ok(())) => Poll::Ready(self.take(buffer.filled(), each)),
            }
        })
    }

    fn take(&mut self, bytes: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), LinkError> {
        let (outbox, mut closed) = (&self.outbox, None);
        self.frames.feed(bytes, |frame| match frame.opcode {
            _ if frame.is_message() => each(frame.payload),
            frame::PING => outbox.control(frame::PONG, frame.payload),
            frame::CLOSE => closed = Some(close(outbox, frame)),
            _ => {}
        })?;
        closed.map_or(Ok(()), Err)
    }

    /// Waits for a reply; news before it is kept. An error is an `Err`.
    async fn reply(&mut self) -> Result<Reply, LinkError> {
        let mut news = VecDeque::new();
        let mut reply = self.next_reply(&mut news)?;
        while reply.is_none() {
            let mut came = VecDeque::new();
            let received = self.receive(|payload| came.push_back(payload.to_vec())).await;
            self.kept = came;
            reply = self.next_reply(&mut news)?;
            if reply.is_none() {
                received?;
            }
        }
        news.append(&mut self.kept);
        self.kept = news;
        match reply {
            Some(Reply::Error(error)) => Err(LinkError::Error(error)),
            Some(reply) => Ok(reply),
            None => Err(LinkError::Ended),
        }
    }

    /// The first reply among what is kept; what came before it goes to `news`.
    fn next_reply(&mut self, news: &mut VecDeque<Vec<u8>>) -> Result<Option<Reply>, LinkError> {
        while let Some(payload) = self.kept.pop_front() {
            match decode(self.codec, &payload)? {
                Some(ServerMessage::Reply(reply)) => return Ok(Some(reply)),
                _ => news.push_back(payload),
            }
        }
        Ok(None)
    }
}

fn close(outbox: &Outbox, frame: Frame<'_>) -> LinkError {
    outbox.control(frame::CLOSE, frame.payload);
    let (code, reason) = frame.close();
    LinkError::Closed(code, reason)
}
