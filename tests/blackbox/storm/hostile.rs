//! Sockets that mean harm: they send what is no message, more than anybody may, or nothing, and never
//! read. Whatever becomes of them, everybody else goes on.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rand::{Rng as _, RngExt as _, rngs::StdRng};
use rowcast_protocol::ChannelName;
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::fate::Fate;
use crate::support::raw::{frame, upgrade};

/// Who they say they are, at most: a person who may watch.
pub(super) const MALLORY: &str = "mallory";

/// Opens one socket after the other until the run is told to calm down; how many.
pub(super) async fn harms(
    address: SocketAddr,
    token: String,
    channels: Vec<ChannelName>,
    fate: Arc<Fate>,
    mut dice: StdRng,
) -> usize {
    let mut calm = fate.calm.subscribe();
    let mut count = 0;
    loop {
        let bytes = harm(&mut dice, &token, &channels);
        let stays = Duration::from_millis(dice.random_range(10..1_500));
        tokio::select! {
            _ = calm.wait_for(|calm| *calm) => return count,
            connected = one(address, &bytes, stays) => count += usize::from(connected),
        }
    }
}

/// Writes and stays for a while without reading.
async fn one(address: SocketAddr, bytes: &[u8], stays: Duration) -> bool {
    let staying = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        // It may well be closed before all is written.
        let _ = stream.write_all(bytes).await;
        std::future::pending::<Option<()>>().await
    };
    // The future ends early only if nobody listens.
    let refused = tokio::time::timeout(stays, staying).await.is_ok();
    if refused {
        tokio::time::sleep(stays).await;
    }
    !refused
}

fn harm(dice: &mut StdRng, token: &str, channels: &[ChannelName]) -> Vec<u8> {
    let mut bytes = upgrade("Sec-WebSocket-Protocol: rowcast.v1.json\r\n").into_bytes();
    let text = |message: serde_json::Value| frame(0x81, message.to_string().as_bytes());
    let hello = text(json!({"type": "hello", "ref": 0, "token": token}));
    match dice.random_range(0..6) {
        // No upgrade at all, or half of one.
        0 => bytes.truncate(dice.random_range(0..bytes.len())),
        1 => {
            let mut noise = vec![0; 4_096];
            dice.fill_bytes(&mut noise);
            bytes.extend(noise);
        }
        2 => bytes.extend(frame(0x8a, b"pong").repeat(5_000)),
        3 => {
            bytes.extend(hello);
            let mut wrong = [0; 64];
            dice.fill_bytes(&mut wrong);
            (0..500).for_each(|_| bytes.extend(frame(0x81, &wrong.map(|byte| byte & 0x7f))));
        }
        // Everything there is, again and again, and no answer is read.
        4 => {
            bytes.extend(hello);
            for number in 1..300 {
                let channel = &channels[number % channels.len()];
                bytes.extend(text(json!({"type": "subscribe", "ref": number, "channel": channel})));
            }
        }
        // Edits by somebody who may not make any.
        _ => {
            bytes.extend(hello);
            for number in 1..100 {
                let id = uuid::Uuid::now_v7();
                let ops = [json!({"op": "insert", "table": "things", "row": {"body": "harm"}})];
                bytes.extend(text(json!({
                    "type": "edit", "ref": number, "id": id, "channel": channels[0], "ops": ops,
                })));
            }
        }
    }
    bytes
}
