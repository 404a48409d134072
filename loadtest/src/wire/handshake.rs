//! The upgrade of a plain stream to a WebSocket.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::link::{Address, LinkError};
use rowcast_protocol::Codec;

/// The longest answer to an upgrade that is read.
const MAX_HEAD: usize = 16 * 1024;

/// Upgrades, and returns the bytes that came after the answer.
pub(super) async fn upgrade(
    stream: &mut TcpStream,
    address: &Address,
    codec: Codec,
) -> Result<Vec<u8>, LinkError> {
    stream.write_all(request(address, codec).as_bytes()).await?;
    let mut answer = Vec::with_capacity(512);
    loop {
        if let Some(end) = memchr::memmem::find(&answer, b"\r\n\r\n") {
            let frames = answer.split_off(end + 4);
            return accepted(&answer).map(|()| frames);
        }
        if answer.len() > MAX_HEAD || stream.read_buf(&mut answer).await? == 0 {
            return Err(LinkError::NotUpgraded(first_line(&answer)));
        }
    }
}

fn request(address: &Address, codec: Codec) -> String {
    format!(
        "GET /socket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cm93Y2FzdC1sb2FkdGVzdA==\r\n\
         Sec-WebSocket-Protocol: {}\r\n\r\n",
        address.host,
        codec.subprotocol()
    )
}

fn accepted(head: &[u8]) -> Result<(), LinkError> {
    let line = first_line(head);
    match line.split(' ').nth(1) {
        Some("101") => Ok(()),
        Some(status) if status.len() == 3 => Err(LinkError::Refused(status.to_owned())),
        _ => Err(LinkError::NotUpgraded(line)),
    }
}

fn first_line(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    text.lines().next().unwrap_or_default().chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_named_by_its_status() {
        assert!(accepted(b"HTTP/1.1 101 Switching Protocols\r\n").is_ok());
        let refused = accepted(b"HTTP/1.1 429 Too Many Requests\r\n").unwrap_err();
        assert_eq!(refused.code(), "http 429");
        assert_eq!(accepted(b"SSH-2.0-x\r\n").unwrap_err().code(), "no upgrade");
    }
}
