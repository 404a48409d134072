//! HTTP requests, one a connection.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::link::{Address, LinkError, connect};

/// What one read takes at most.
const READ_BYTES: usize = 64 * 1024;

/// A request to the hub's API.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: &'a str,
    pub(crate) body: &'a str,
}

impl Ask<'_> {
    /// Its bytes. Whoever sends several over one connection keeps that open.
    pub(crate) fn bytes(&self, address: &Address, connection: &str) -> Vec<u8> {
        let Self { method, path, token, body } = self;
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n{body}",
            address.host,
            body.len()
        )
        .into_bytes()
    }

    /// Sends it over a connection of its own, and returns the status and the length of the answer.
    pub(crate) async fn send(
        &self,
        address: &Address,
        source: Option<SocketAddr>,
    ) -> Result<(u16, usize), LinkError> {
        let mut stream = open(address, source).await?;
        stream.write_all(&self.bytes(address, "close")).await?;
        let (mut start, mut length, mut buffer) = (Vec::new(), 0, vec![0; READ_BYTES]);
        loop {
            let read = stream.read(&mut buffer).await?;
            if read == 0 {
                return status(&start).map(|status| (status, length));
            }
            let room = 64_usize.saturating_sub(start.len()).min(read);
            start.extend_from_slice(buffer.get(..room).unwrap_or_default());
            length += read;
        }
    }
}

/// A plain connection.
pub(crate) async fn open(
    address: &Address,
    source: Option<SocketAddr>,
) -> Result<TcpStream, LinkError> {
    let stream = connect(address.socket, source).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn status(start: &[u8]) -> Result<u16, LinkError> {
    let line = String::from_utf8_lossy(start);
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or(LinkError::Ended)
}
