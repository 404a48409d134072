//! A network that can be cut: a TCP proxy between devices and the hub.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

/// How the network behaves just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Weather {
    /// Everything passes.
    #[default]
    Fair,
    /// Nothing passes, nobody is told.
    Stalled,
    /// From the hub this many bytes pass each hundredth of a second.
    Slow(usize),
    /// Each connection ends after this many bytes from the hub.
    CutAfter(usize),
    /// The hub is told that the device will send no more; what it sends passes.
    HalfClosed,
}

/// The network's present state, and how often its connections were ended.
#[derive(Debug, Clone, Copy, Default)]
struct Network {
    weather: Weather,
    cuts: u32,
    resets: u32,
}

type Forecast = watch::Receiver<Network>;

/// A proxy. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    /// Where devices connect.
    pub(crate) address: SocketAddr,
    network: watch::Sender<Network>,
    _tasks: JoinSet<()>,
}

impl Link {
    /// A proxy in front of a hub.
    pub(crate) async fn to(hub: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (network, forecast) = watch::channel(Network::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, hub, forecast));
        Self { address, network, _tasks: tasks }
    }

    /// Changes the weather, for open connections and new ones.
    pub(crate) fn turns(&self, weather: Weather) {
        self.network.send_modify(|network| network.weather = weather);
    }

    /// Ends all open connections.
    pub(crate) fn is_cut(&self) {
        self.network.send_modify(|network| network.cuts += 1);
    }

    /// Resets all open connections, as a router that lost its memory does.
    pub(crate) fn is_reset(&self) {
        self.network.send_modify(|network| network.resets += 1);
    }
}

async fn accept(listener: TcpListener, hub: SocketAddr, forecast: Forecast) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((device, _)) = accepted {
                    open.spawn(pass(device, hub, forecast.clone()));
                }
            }
            Some(_) = open.join_next() => {}
        }
    }
}

async fn pass(mut device: TcpStream, hub: SocketAddr, mut forecast: Forecast) {
    let began = *forecast.borrow_and_update();
    let Ok(mut hub) = TcpStream::connect(hub).await else { return };
    let _ = device.set_nodelay(true);
    let _ = hub.set_nodelay(true);
    {
        let (from_device, to_device) = device.split();
        let (from_hub, to_hub) = hub.split();
        tokio::select! {
            _ = up(from_device, to_hub, forecast.clone()) => {}
            _ = down(from_hub, to_device, forecast.clone()) => {}
            _ = forecast.wait_for(|now| (now.cuts, now.resets) != (began.cuts, began.resets)) => {}
        }
    }
    if forecast.borrow().resets != began.resets {
        let _ = device.set_zero_linger();
        let _ = hub.set_zero_linger();
    }
}

/// From the device to the hub.
async fn up(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut forecast: Forecast,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        flowing(&mut forecast).await;
        if length == 0 || forecast.borrow().weather == Weather::HalfClosed {
            to.shutdown().await?;
            return never().await;
        }
        to.write_all(&buffer[..length]).await?;
    }
}

/// From the hub to the device.
async fn down(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut forecast: Forecast,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed = 0;
    loop {
        flowing(&mut forecast).await;
        let weather = forecast.borrow().weather;
        let most = match weather {
            Weather::Slow(bytes) => bytes.min(buffer.len()),
            Weather::CutAfter(bytes) => bytes.saturating_sub(passed).min(buffer.len()),
            Weather::Fair | Weather::Stalled | Weather::HalfClosed => buffer.len(),
        };
        if most == 0 {
            return Ok(());
        }
        let length = from.read(&mut buffer[..most]).await?;
        if length == 0 {
            return Ok(());
        }
        // It may have been read just before the weather turned.
        flowing(&mut forecast).await;
        to.write_all(&buffer[..length]).await?;
        passed += length;
        if matches!(weather, Weather::Slow(_)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Completes as soon as bytes may pass.
async fn flowing(forecast: &mut Forecast) {
    let _ = forecast.wait_for(|now| now.weather != Weather::Stalled).await;
}

/// The other direction decides when it is over.
fn never<T>() -> impl Future<Output = T> {
    std::future::pending()
}
