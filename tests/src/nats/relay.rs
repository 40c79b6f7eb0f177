//! A relay in front of one port, to cut a client off from a server that goes on for everybody else.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

/// What the relay does with what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// Passes it on.
    Open,
    /// Keeps what the server says until mended.
    RepliesHeld,
    /// Keeps what both say until mended.
    Held,
    /// Has closed all connections and closes new ones at once.
    Cut,
    /// Its value was dropped.
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Request,
    Reply,
}

#[derive(Debug)]
struct State {
    flow: Flow,
    open: Vec<TcpStream>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, flow: Flow) {
        let mut state = self.state();
        state.flow = flow;
        if matches!(flow, Flow::Cut | Flow::Gone) {
            for connection in state.open.drain(..) {
                // It may have ended by itself.
                drop(connection.shutdown(Shutdown::Both));
            }
        }
        self.changed.notify_all();
    }

    /// Waits while bytes of this direction are held; false when they must not go on at all.
    fn may_pass(&self, direction: Direction) -> bool {
        let mut state = self.state();
        loop {
            match (state.flow, direction) {
                (Flow::Cut | Flow::Gone, _) => return false,
                (Flow::Open, _) | (Flow::RepliesHeld, Direction::Request) => return true,
                (Flow::Held, _) | (Flow::RepliesHeld, Direction::Reply) => {}
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A relay on loopback; it ends, with its connections, when dropped.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

impl Relay {
    /// Listens on a port of its own and passes all on to `port` on loopback, which need not answer yet.
    pub fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let own = listener.local_addr()?.port();
        let state = Mutex::new(State { flow: Flow::Open, open: Vec::new() });
        let shared = Arc::new(Shared { state, changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, port, &accepting));
        Ok(Self { port: own, shared })
    }

    /// For NATS clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Closes all connections and lets nobody in. What was held is lost.
    pub fn cut(&self) {
        self.shared.turn(Flow::Cut);
    }

    /// Lets connections stand and nothing through, in either direction: a network that swallows.
    pub fn hold(&self) {
        self.shared.turn(Flow::Held);
    }

    /// Lets requests through and holds what is answered: the server acts and the client does not learn of it.
    pub fn hold_replies(&self) {
        self.shared.turn(Flow::RepliesHeld);
    }

    /// Everything goes through again, first of all what was held.
    pub fn mend(&self) {
        self.shared.turn(Flow::Open);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.turn(Flow::Gone);
        // Wakes the thread that accepts, which then sees that it is over.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

fn accept(listener: &TcpListener, port: u16, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        let Ok(client) = client else { return };
        match shared.state().flow {
            Flow::Gone => return,
            Flow::Cut => continue,
            Flow::Open | Flow::Held | Flow::RepliesHeld => {}
        }
        // To the client a server that does not answer is a connection that closes.
        drop(connect(client, port, shared));
    }
}

fn connect(client: TcpStream, port: u16, shared: &Arc<Shared>) -> Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, from_server) = (client.try_clone()?, server.try_clone()?);
    let mut state = shared.state();
    if matches!(state.flow, Flow::Cut | Flow::Gone) {
        return Ok(());
    }
    state.open.extend([client.try_clone()?, server.try_clone()?]);
    drop(state);
    let (requests, replies) = (Arc::clone(shared), Arc::clone(shared));
    std::thread::spawn(move || copy(from_client, server, Direction::Request, &requests));
    std::thread::spawn(move || copy(from_server, client, Direction::Reply, &replies));
    Ok(())
}

/// Copies until one side ends or the relay is cut; then the other side ends too.
fn copy(mut from: TcpStream, mut to: TcpStream, direction: Direction, shared: &Shared) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 || !shared.may_pass(direction) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
