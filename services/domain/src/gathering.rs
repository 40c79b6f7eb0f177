//! How much one subject gathers.
//!
//! What is known of a subject is read as a whole whenever a decision rests on it. So it has bounds: without them
//! anybody with one key could make every statement about a subject, and every judgement that reads it, cost more than
//! the one before. The bounds are far above what an honest life comes to. What says nothing new adds nothing, so it is
//! never beyond one.

use crate::subjects::{Absorb as _, Dataset, Disturbances, Model, Version, Withdrawal};

/// How many of a kind one subject gathers: digests, datasets, hands, validations, uses, disturbances, versions of one
/// run, endpoints.
pub const MOST: usize = 2_000;

/// How many requests, change plans and exceptions one subject gathers, each of which is looked at in every judgement.
pub const MOST_MATTERS: usize = 250;

/// How many bytes of texts, or of answers to one event, are gathered.
pub const MOST_BYTES: usize = 1 << 20;

/// How many values the validations of one version measure together.
pub const MOST_METRICS: usize = 16_000;

/// How often a document, or data, is withdrawn by those with the same say over it.
pub const MOST_WITHDRAWALS: usize = 100;

/// How many acts of one signer wait for a second person at a time, and how many delegations of one person hold.
pub const MOST_PENDING: usize = 500;

/// How many versions are taken to serve at one endpoint at a time, and how many emergency stops of single versions or
/// models are told apart there.
pub const MOST_SERVING: usize = 64;

/// How many policies one namespace publishes: of gates every version counts, since requests are judged by the one that
/// was in force when they were made.
pub const MOST_POLICIES: usize = 250;

/// Something of which there would be too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// What.
    pub what: &'static str,
    /// How much of it there can be.
    pub most: usize,
}

impl Full {
    /// Whether `count` is more than there can be.
    pub fn unless(what: &'static str, count: usize, most: usize) -> Result<(), Self> {
        if count > most { Err(Self { what, most }) } else { Ok(()) }
    }
}

/// Whether a list can take what is not in it yet.
fn takes<T: PartialEq>(what: &'static str, known: &[T], said: &[T], most: usize) -> Result<(), Full> {
    if known.len() + said.len() <= most {
        return Ok(());
    }
    let is_new = |(at, item): &(usize, &T)| !known.contains(item) && !said[..*at].contains(item);
    let new = said.iter().enumerate().filter(is_new).count();
    if new == 0 { Ok(()) } else { Full::unless(what, known.len() + new, most) }
}

/// Whether a list in which everything is kept can take more.
fn appends<T>(what: &'static str, known: &[T], said: &[T], most: usize) -> Result<(), Full> {
    if said.is_empty() { Ok(()) } else { Full::unless(what, known.len() + said.len(), most) }
}

fn disturbs(known: &Disturbances, said: &Disturbances) -> Result<(), Full> {
    appends("observed vendor changes", &known.vendor_changed, &said.vendor_changed, MOST)?;
    appends("substantial changes", &known.substantially_changed, &said.substantially_changed, MOST)?;
    appends("widened uses", &known.use_widened, &said.use_widened, MOST)
}

impl Version {
    /// Whether what a statement says can be added to what is known.
    ///
    /// # Errors
    /// There would be too much of something.
    pub fn takes(&self, said: &Self) -> Result<(), Full> {
        let digests = |version: &Self| version.artifacts.iter().map(|artifact| artifact.digest).collect::<Vec<_>>();
        takes("artefacts", &digests(self), &digests(said), MOST)?;
        takes("components", &self.components, &said.components, MOST)?;
        takes("digests of code", &self.pipelines, &said.pipelines, MOST)?;
        takes("datasets", &self.datasets, &said.datasets, MOST)?;
        takes("digests of data", &self.dataset_digests, &said.dataset_digests, MOST)?;
        let persons = |version: &Self| version.involved.iter().map(|hand| hand.person.clone()).collect::<Vec<_>>();
        takes("people with a hand in it", &persons(self), &persons(said), MOST)?;
        takes("requests for approval", &self.requests, &said.requests, MOST_MATTERS)?;
        disturbs(&self.disturbances, &said.disturbances)?;
        appends("retirements", &self.retirements, &said.retirements, MOST)?;
        let (validations, metrics) = (self.validations.len() + said.validations.len(), self.metrics() + said.metrics());
        if said.validations.is_empty() || validations <= MOST && metrics <= MOST_METRICS {
            return Ok(());
        }
        // A later one takes the place of the same validation.
        let mut whole = Self { validations: self.validations.clone(), ..Self::default() };
        whole.absorb(Self { validations: said.validations.clone(), ..Self::default() });
        Full::unless("validations", whole.validations.len(), MOST)?;
        Full::unless("measured values", whole.metrics(), MOST_METRICS)
    }

    fn metrics(&self) -> usize {
        self.validations.iter().map(|validation| validation.metrics.len()).sum()
    }
}

impl Model {
    /// Whether what a statement says can be added to what is known.
    ///
    /// # Errors
    /// There would be too much of something.
    pub fn takes(&self, said: &Self) -> Result<(), Full> {
        takes("intended uses", &self.intended_uses, &said.intended_uses, MOST)?;
        let new = said.intended_uses.iter().filter(|used| !self.intended_uses.contains(used));
        let more: usize = new.map(|used| used.as_str().len()).sum();
        if more > 0 {
            let texts: usize = self.intended_uses.iter().map(|used| used.as_str().len()).sum();
            Full::unless("bytes of intended uses", texts + more, MOST_BYTES)?;
        }
        let uses = |model: &Self| model.linked_uses().map(|(used, _)| used.clone()).collect::<Vec<_>>();
        takes("uses", &uses(self), &uses(said), MOST)?;
        takes("change plans", &self.plans, &said.plans, MOST_MATTERS)?;
        disturbs(&self.disturbances, &said.disturbances)?;
        appends("retirements", &self.retirements, &said.retirements, MOST)
    }
}

impl Dataset {
    /// Whether what a statement says can be added to what is known.
    ///
    /// # Errors
    /// There would be too much of something.
    pub fn takes(&self, said: &Self) -> Result<(), Full> {
        takes("datasets that it is derived from", &self.derived_from, &said.derived_from, MOST)
    }
}

impl Withdrawal {
    /// Whether one more can be added to those there are. Those by people with another say do not count: nobody keeps
    /// somebody else from withdrawing what they share.
    ///
    /// # Errors
    /// There would be too many.
    pub fn added_to(&self, known: &[Self]) -> Result<(), Full> {
        let same = known.iter().filter(|other| other.reach == self.reach);
        Full::unless("withdrawals", same.count() + 1, MOST_WITHDRAWALS)
    }
}
