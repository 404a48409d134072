//! A WebSocket that carries the protocol's messages, in either encoding.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use rowcast_protocol::{Codec, ErrorCode, News, Request, ServerMessage, Value};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest as _, http::HeaderValue},
};

/// A WebSocket to a hub.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) codec: Codec,
    websocket: WebSocketStream<TcpStream>,
    parts: Vec<u8>,
    /// The largest frame that came.
    pub(crate) largest: usize,
    /// How many messages came in parts.
    pub(crate) in_parts: usize,
}

/// Why nothing more comes: the close code, if there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over(pub(crate) Option<u16>);

impl Stream {
    /// Connects, with headers beside the usual ones.
    pub(crate) async fn connect(
        address: SocketAddr,
        codec: Codec,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{address}/socket").into_client_request()?;
        let protocol = HeaderValue::from_static(codec.subprotocol());
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_str(value)?);
        }
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (websocket, response) = tokio_tungstenite::client_async(request, stream).await?;
        let chosen = response.headers().get("sec-websocket-protocol");
        assert_eq!(chosen.map(HeaderValue::as_bytes), Some(codec.subprotocol().as_bytes()));
        Ok(Self { codec, websocket, parts: Vec::new(), largest: 0, in_parts: 0 })
    }

    /// Sends a request.
    pub(crate) async fn send(&mut self, request: &Request) -> Result<(), Over> {
        let message = self.message(self.codec.encode(request));
        self.send_frame(message).await
    }

    /// Sends requests in one packet.
    pub(crate) async fn send_together(&mut self, requests: &[Request]) -> Result<(), Over> {
        for request in requests {
            let message = self.message(self.codec.encode(request));
            self.websocket.feed(message).await.map_err(|_| Over(None))?;
        }
        self.websocket.flush().await.map_err(|_| Over(None))
    }

    /// Sends bytes as a message of the socket's encoding.
    pub(crate) async fn send_bytes(&mut self, bytes: impl Into<bytes::Bytes>) -> Result<(), Over> {
        let message = self.message(bytes.into());
        self.send_frame(message).await
    }

    /// Sends anything.
    pub(crate) async fn send_frame(&mut self, message: Message) -> Result<(), Over> {
        self.websocket.send(message).await.map_err(|_| Over(None))
    }

    fn message(&self, bytes: bytes::Bytes) -> Message {
        match self.codec {
            Codec::Json => Message::Text(bytes.try_into().expect("JSON is UTF-8")),
            Codec::MsgPack => Message::Binary(bytes),
        }
    }

    /// What comes next. Parts are put together; messages of a later version are passed over.
    pub(crate) async fn next(&mut self) -> Result<ServerMessage, Over> {
        loop {
            let bytes = self.next_bytes().await?;
            let message = self.decoded(&bytes);
            let Some(message) = message else { continue };
            let ServerMessage::News(News::Part(part)) = &message else { return Ok(message) };
            match &part.data {
                Value::Text(text) => self.parts.extend_from_slice(text.as_bytes()),
                Value::Bytes(bytes) => self.parts.extend_from_slice(bytes),
                other => panic!("{other:?} is no part"),
            }
            if part.part == part.of {
                let whole = std::mem::take(&mut self.parts);
                self.in_parts += 1;
                return Ok(self.decoded(&whole).expect("the parts make a message"));
            }
        }
    }

    fn decoded(&self, bytes: &[u8]) -> Option<ServerMessage> {
        match self.codec.decode_server(bytes) {
            Ok(message) => Some(message),
            Err(error) if error.code == ErrorCode::UnknownType => None,
            Err(error) => panic!("{}: {}", error.message, String::from_utf8_lossy(bytes)),
        }
    }

    async fn next_bytes(&mut self) -> Result<bytes::Bytes, Over> {
        loop {
            let bytes = match self.websocket.next().await {
                Some(Ok(Message::Text(text))) if self.codec == Codec::Json => text.into(),
                Some(Ok(Message::Binary(bytes))) if self.codec == Codec::MsgPack => bytes,
                Some(Ok(Message::Close(frame))) => {
                    return Err(Over(frame.map(|frame| frame.code.into())));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(other)) => panic!("the hub sent {other:?} on a {:?} socket", self.codec),
                Some(Err(_)) | None => return Err(Over(None)),
            };
            self.largest = self.largest.max(bytes.len());
            return Ok(bytes);
        }
    }
}
