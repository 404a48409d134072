//! A TCP connection of somebody who does not keep to the rules.

use std::{
    net::{IpAddr, SocketAddr},
    panic::Location,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use super::waiting::in_time;

/// A bare connection.
#[derive(Debug)]
pub(crate) struct Raw {
    stream: TcpStream,
}

/// The head of a proper upgrade, to which lines may be added.
pub(crate) fn upgrade(lines: &str) -> String {
    format!(
        "GET /socket HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    )
}

/// A client's frame, masked with zeros.
pub(crate) fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first_byte];
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => frame.push(0x80 | length),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(payload.len()).expect("a short payload").to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend_from_slice(payload);
    frame
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("it listens") }
    }

    /// A connection from another address of this machine.
    pub(crate) async fn connect_from(from: IpAddr, to: SocketAddr) -> Self {
        Self::from_socket(from, to, TcpSocket::new_v4().expect("a socket")).await
    }

    /// The same, of somebody who has no room for answers.
    pub(crate) async fn deaf_from(from: IpAddr, to: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        Self::from_socket(from, to, socket).await
    }

    async fn from_socket(from: IpAddr, to: SocketAddr, socket: TcpSocket) -> Self {
        socket.bind((from, 0).into()).expect("an address of this machine");
        Self { stream: socket.connect(to).await.expect("it listens") }
    }

    /// A connection whose upgrade is done.
    pub(crate) async fn upgraded(address: SocketAddr) -> Self {
        let mut raw = Self::connect(address).await;
        raw.writes(upgrade("Sec-WebSocket-Protocol: rowcast.v1.json\r\n")).await;
        let head = raw.reads_a_head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    pub(crate) async fn writes(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("it is open");
    }

    /// Writes unless the other side has ended it.
    pub(crate) async fn tries_to_write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Reads on until these bytes have come.
    pub(crate) async fn reads_until(&mut self, bytes: &[u8]) {
        let (mut kept, mut some) = (Vec::new(), vec![0; 64 * 1024]);
        let reading = async {
            while !kept.windows(bytes.len()).any(|window| window == bytes) {
                kept.drain(..kept.len().saturating_sub(bytes.len()));
                let length = self.stream.read(&mut some).await.expect("it goes on");
                assert!(length > 0, "the end came first");
                kept.extend_from_slice(&some[..length]);
            }
        };
        in_time(Location::caller(), "some bytes", reading).await;
    }

    /// The head of an answer.
    pub(crate) async fn reads_a_head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = self.stream.read_u8();
            head.push(in_time(Location::caller(), "an answer", byte).await.expect("it answers"));
        }
        String::from_utf8(head).expect("a head is text")
    }

    /// The status of an answer.
    pub(crate) async fn reads_a_status(&mut self) -> u16 {
        let head = self.reads_a_head().await;
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    /// Everything until the other side closes.
    pub(crate) async fn is_closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let reading = self.stream.read_to_end(&mut rest);
        // A reset is an end too.
        let _ = in_time(Location::caller(), "the connection to be closed", reading).await;
        rest
    }

    /// The code of the close frame that ends what comes.
    pub(crate) async fn is_closed_with(&mut self) -> Option<u16> {
        let rest = self.is_closed().await;
        let mut frames = &rest[..];
        while let [first, length, body @ ..] = frames {
            let (length, body) = match *length {
                126 => (usize::from(u16::from_be_bytes([body[0], body[1]])), &body[2..]),
                short => (usize::from(short), body),
            };
            if *first == 0x88 {
                return Some(u16::from_be_bytes([body[0], body[1]]));
            }
            frames = &body[length..];
        }
        None
    }
}
