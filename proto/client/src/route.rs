//! Where one call goes next and how long it waits before that. Pure: no connection, no clock.

use std::time::Duration;

use tonic::Status;

use crate::address::Address;
use crate::error::Failure;
use crate::fault::Fault;

/// So many redirects in a row are followed at once. One is the rule; a second finds a server that
/// took over meanwhile.
const REDIRECTS: u32 = 2;
/// The first wait; each is twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// No wait of our own choice is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The way of one call from server to server.
#[derive(Debug)]
pub(crate) struct Route<'a> {
    configured: &'a [Address],
    /// The configured server that was tried last.
    cursor: usize,
    at: Address,
    /// Redirects followed since the last wait.
    redirects: u32,
    /// Waits since the last answer.
    waits: u32,
    halted: Option<HaltedServer>,
}

/// A server is halted; every other is asked once before that is the answer.
#[derive(Debug)]
struct HaltedServer {
    address: Address,
    status: Status,
    asked: Vec<Address>,
}

impl<'a> Route<'a> {
    /// A route over `configured`, of which there is at least one, that starts at `first`.
    pub(crate) fn new(configured: &'a [Address], first: Address) -> Self {
        let cursor = configured.iter().position(|address| *address == first).unwrap_or(0);
        Self { configured, cursor, at: first, redirects: 0, waits: 0, halted: None }
    }

    /// The server to try.
    pub(crate) fn at(&self) -> &Address {
        &self.at
    }

    /// This server took or refused something for good: it is active.
    pub(crate) fn answered(&mut self) {
        (self.redirects, self.waits, self.halted) = (0, 0, None);
    }

    /// Moves on after `status` and says how long to wait before the next attempt; or that there is
    /// to be none.
    pub(crate) fn next(&mut self, status: &Status) -> Result<Duration, Failure> {
        match Fault::of(status) {
            Fault::Final => Err(Failure::Status { address: self.at.to_string(), status: status.clone() }),
            fault if self.halted.is_some() => self.elsewhere(fault, status),
            Fault::Halted => self.elsewhere(Fault::Halted, status),
            Fault::Standby { active: Some(active), .. } if self.redirects < REDIRECTS => {
                self.redirects += 1;
                self.redirect(active)?;
                Ok(Duration::ZERO)
            }
            Fault::Overloaded { wait } => {
                self.redirects = 0;
                Ok(wait.max(FIRST_WAIT))
            }
            Fault::Standby { active: None, wait: Some(wait) } => {
                self.advance();
                Ok(wait.max(FIRST_WAIT))
            }
            Fault::Standby { wait, .. } | Fault::Passing { wait } => {
                let before = self.at.clone();
                self.advance();
                let backoff = self.backoff();
                // What a server says of itself does not hold for the next one.
                Ok(wait.filter(|_| self.at == before).map_or(backoff, |wait| wait.max(backoff)))
            }
        }
    }

    /// On to the next configured server.
    fn advance(&mut self) {
        self.cursor = (self.cursor + 1) % self.configured.len();
        self.go(self.configured[self.cursor].clone());
        self.redirects = 0;
    }

    fn go(&mut self, to: Address) {
        if let Some(cursor) = self.configured.iter().position(|address| *address == to) {
            self.cursor = cursor;
        }
        self.at = to;
    }

    /// Goes where a standby points: to an address that was configured, or to another port of a host
    /// that was. Whoever answers at one address must not be able to send statements elsewhere.
    fn redirect(&mut self, to: Address) -> Result<(), Failure> {
        let refused = |downgrade| Failure::Redirect { from: self.at.to_string(), to: to.to_string(), downgrade };
        if !self.configured.contains(&to) {
            if !self.configured.iter().any(|address| address.host() == to.host()) {
                return Err(refused(false));
            }
            if !to.is_secure() && self.configured.iter().any(Address::is_secure) {
                return Err(refused(true));
            }
        }
        self.go(to);
        Ok(())
    }

    /// Asks each other server once, without waiting: if none answers, the halt is the answer.
    fn elsewhere(&mut self, fault: Fault, status: &Status) -> Result<Duration, Failure> {
        let at = self.at.clone();
        let halted = self.halted.get_or_insert_with(|| HaltedServer {
            address: at.clone(),
            status: status.clone(),
            asked: Vec::new(),
        });
        halted.asked.push(at);
        let new = |address: &Address| !halted.asked.contains(address);
        let other = self.configured.iter().find(|other| new(other));
        let active = match fault {
            Fault::Standby { active, .. } => active.filter(new),
            _ => None,
        };
        match (active, other) {
            (Some(active), _) if halted.asked.len() <= self.configured.len() => self.redirect(active)?,
            (_, Some(other)) => self.go(other.clone()),
            _ => return Err(Failure::Status { address: halted.address.to_string(), status: halted.status.clone() }),
        }
        Ok(Duration::ZERO)
    }

    /// The next wait, with jitter: callers that failed together do not come back together.
    fn backoff(&mut self) -> Duration {
        let longest = FIRST_WAIT.saturating_mul(1 << self.waits.min(16)).min(LONGEST_WAIT);
        self.waits += 1;
        longest.mul_f64(rand::random_range(0.5..=1.0))
    }
}
