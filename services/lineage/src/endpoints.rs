//! Which version serves at an endpoint, and what for: edges that follow what was stated about the endpoint.
//!
//! The edges of a share stay as long as the share does, and end with it. A version that is stopped in an emergency still
//! has its edge, but does not run.

use probity_domain::serving::{Change, Serving, Share, Step};
use probity_projection::StoreError;
use probity_schemas::{Digest, Subject};

use crate::graph::{
    CHUNKS, EndpointEdges, NODES, Relation, SERVING_EDGES, STEPS, Served, Side, UsedFor, chunk_key, endpoint_edges_key,
    node_key, step_key, steps_key,
};
use crate::names::Name;
use crate::telling::Telling;

/// What serves since a step.
fn comes(step: &Step) -> Vec<Share> {
    match &step.change {
        Change::Started { share, .. } => vec![(**share).clone()],
        Change::Traffic { shares, .. } => shares.clone(),
        Change::Replaced { to, digest, .. } => {
            let (version, digest) = (to.clone(), digest.clone());
            vec![Share { version, digest, index: step.index, ..Share::default() }]
        }
        _ => Vec::new(),
    }
}

impl Telling<'_, '_> {
    /// Takes in a step of an endpoint.
    pub(crate) fn step(&mut self, step: Step) -> Result<(), StoreError> {
        if matches!(step.change, Change::Nothing | Change::Requested) {
            return Ok(());
        }
        let endpoint = self.node(&Name::from(&self.recorded.event.subject))?;
        self.fact.step = Some((endpoint, step.at_ms));
        let moment = (step.at_ms, step.index);
        let mut place = self.batch.read(&SERVING_EDGES, &endpoint_edges_key(endpoint))?.unwrap_or_default();
        let in_order = place.last.is_none_or(|last| last < moment);
        if in_order {
            place.serving.step(&step);
            place.last = Some(moment);
        }
        let late = if in_order { Vec::new() } else { comes(&step) };
        self.batch.put(&STEPS, step_key(endpoint, moment.0, moment.1), step);
        if !in_order {
            place.serving = self.serving_again(endpoint)?;
        }
        // What came and went before what was known already served here all the same.
        for share in late.iter().filter(|share| !place.serving.shares.iter().any(|now| now.version == share.version)) {
            for (_, link) in self.serve(endpoint, &Share { suspended: true, ..share.clone() })?.nodes {
                self.end_link(&link, true)?;
            }
        }
        self.settle(endpoint, place)
    }

    /// Takes a step out.
    pub(crate) fn take_step_back(&mut self, endpoint: u32, at_ms: u64, index: u64) -> Result<(), StoreError> {
        self.batch.remove(step_key(endpoint, at_ms, index));
        let mut place = self.batch.read(&SERVING_EDGES, &endpoint_edges_key(endpoint))?.unwrap_or_default();
        place.serving = self.serving_again(endpoint)?;
        self.settle(endpoint, place)
    }

    fn serving_again(&self, endpoint: u32) -> Result<Serving, StoreError> {
        let steps = self.batch.records(&STEPS, &steps_key(endpoint))?;
        Ok(Serving::after(steps.iter().map(|(_, step)| step)))
    }

    /// Lets the edges follow what serves now.
    fn settle(&mut self, endpoint: u32, mut place: EndpointEdges) -> Result<(), StoreError> {
        let is = |served: &Served, share: &Share| served.version == share.version && served.digest == share.digest;
        for mut served in std::mem::take(&mut place.shares) {
            let share = place.serving.shares.iter().find(|share| is(&served, share));
            self.run(&mut served, share.is_some_and(|share| !share.suspended))?;
            if share.is_some() {
                place.shares.push(served);
            } else {
                for (_, link) in &served.nodes {
                    self.end_link(link, true)?;
                }
            }
        }
        for share in &place.serving.shares {
            if !place.shares.iter().any(|served| is(served, share)) {
                let served = self.serve(endpoint, share)?;
                place.shares.push(served);
            }
        }
        if place.use_case.as_ref().map(|used| &used.use_case) != place.serving.use_case.as_ref() {
            if let Some(used) = place.use_case.take() {
                self.end_link(&used.link, true)?;
            }
            let parsed = place.serving.use_case.as_ref().map(|text| text.parse::<Subject>());
            if let Some(Ok(subject)) = parsed {
                let index = self.recorded.index;
                let node = self.node(&Name::from(&subject))?;
                let link = self.link(node, endpoint, Relation::For, index)?;
                place.use_case = Some(UsedFor { use_case: subject.to_string(), link, index });
            }
        }
        self.batch.put(&SERVING_EDGES, endpoint_edges_key(endpoint), place);
        Ok(())
    }

    /// The edges of a new share: from the version, and from the artefact unless it is known to be the version's.
    fn serve(&mut self, endpoint: u32, share: &Share) -> Result<Served, StoreError> {
        let mut nodes = Vec::new();
        if let Ok(subject) = share.version.parse::<Subject>() {
            nodes.push(self.node(&Name::from(&subject))?);
        }
        if let Some(digest) = share.digest.as_ref().and_then(|digest| digest.parse::<Digest>().ok()) {
            let name = Name::digest(&digest);
            let known = match (nodes.first(), self.known(&name)?) {
                (Some(version), Some(digest)) => self.is_alias(*version, digest)?,
                _ => false,
            };
            if !known {
                nodes.push(self.node(&name)?);
            }
        }
        let mut served = Served { version: share.version.clone(), digest: share.digest.clone(), ..Served::default() };
        for node in nodes {
            served.nodes.push((node, self.link(endpoint, node, Relation::Serves, share.index)?));
        }
        self.run(&mut served, !share.suspended)?;
        Ok(served)
    }

    /// Counts a share as running at its nodes, or no more.
    fn run(&mut self, served: &mut Served, running: bool) -> Result<(), StoreError> {
        if served.running != running {
            for (node, _) in &served.nodes {
                let live = &mut self.batch.record(&NODES, node_key(*node))?.live;
                *live = if running { live.saturating_add(1) } else { live.saturating_sub(1) };
            }
            served.running = running;
        }
        Ok(())
    }

    /// Whether a name is known to be one of a thing's.
    fn is_alias(&self, thing: u32, alias: u32) -> Result<bool, StoreError> {
        let Some(node) = self.batch.read(&NODES, &node_key(thing))? else { return Ok(false) };
        let edges = node.side(Side::Same);
        let mut found = edges.last.iter().any(|edge| edge.to == alias && edge.ended == 0);
        for chunk in 0..edges.chunks {
            let chunk = self.batch.read(&CHUNKS, &chunk_key(thing, Side::Same, chunk))?.unwrap_or_default();
            found |= chunk.iter().any(|edge| edge.to == alias && edge.ended == 0);
        }
        Ok(found)
    }
}
