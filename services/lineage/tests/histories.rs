//! Random histories, against a plain graph that knows nothing of folding.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod scenes;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use scenes::{DEVELOPER, Life, digest};
use serde_json::{Value, json};

#[derive(Debug, Clone)]
enum Said {
    Dataset { dataset: u8, digest: Option<u8>, from: Option<u8> },
    Trained { version: Option<(u8, u8)>, model: u8, dataset: Option<u8>, digest: Option<u8> },
    Version { version: (u8, u8), artifact: Option<u8>, base: Option<(u8, u8)>, base_digest: Option<u8> },
    Started { endpoint: u8, version: (u8, u8), day: u8 },
    Stopped { endpoint: u8, day: u8 },
    Needs { model: u8, other: u8 },
    Withdrawn { dataset: u8, digest: u8 },
    Void { which: u8 },
}

fn said() -> impl Strategy<Value = Said> {
    let few = 0..3_u8;
    let version = || (0..2_u8, 0..3_u8);
    let maybe = || proptest::option::of(0..3_u8);
    prop_oneof![
        2 => (few.clone(), maybe(), maybe()).prop_map(|(dataset, digest, from)| Said::Dataset { dataset, digest, from }),
        3 => (proptest::option::weighted(0.8, 0..3_u8), 0..2_u8, maybe(), maybe()).prop_map(|(version, model, dataset, digest)| {
            Said::Trained { version: version.map(|version| (model, version)), model, dataset, digest }
        }),
        2 => (version(), maybe(), proptest::option::of(version()), maybe()).prop_map(
            |(version, artifact, base, base_digest)| Said::Version { version, artifact, base, base_digest }
        ),
        3 => (0..2_u8, version(), 0..40_u8).prop_map(|(endpoint, version, day)| Said::Started { endpoint, version, day }),
        1 => (0..2_u8, 0..40_u8).prop_map(|(endpoint, day)| Said::Stopped { endpoint, day }),
        1 => (0..2_u8, few.clone()).prop_map(|(model, other)| Said::Needs { model, other }),
        1 => (few.clone(), few).prop_map(|(dataset, digest)| Said::Withdrawn { dataset, digest }),
        2 => any::<u8>().prop_map(|which| Said::Void { which }),
    ]
}

fn dataset(dataset: u8) -> String {
    format!("dataset:x/d{dataset}")
}

fn model(model: u8) -> String {
    format!("model:x/m{model}")
}

fn version((of, version): (u8, u8)) -> String {
    format!("{}@{version}", model(of))
}

fn endpoint(endpoint: u8) -> String {
    format!("endpoint:x/e{endpoint}")
}

fn bytes(name: u8) -> String {
    digest(&format!("bytes {name}"))
}

fn list(items: impl IntoIterator<Item = String>) -> Value {
    items.into_iter().collect::<Vec<_>>().into()
}

fn tell(life: &mut Life, said: &Said) {
    match said {
        Said::Dataset { dataset: of, digest, from } => {
            let mut data = json!({ "derived_from": list(from.map(dataset)) });
            if let Some(digest) = digest {
                data["digest"] = bytes(*digest).into();
            }
            life.say(DEVELOPER, "data.registered", &dataset(*of), data);
        }
        Said::Trained { version: made, model: of, dataset: from, digest } => {
            let digests = list(digest.map(bytes));
            let mut data = json!({ "datasets": list(from.map(dataset)), "dataset_digests": digests });
            if let Some(made) = made {
                data["produced_version"] = version(*made).into();
            }
            life.say(DEVELOPER, "training.completed", &model(*of), data);
        }
        Said::Version { version: of, artifact, base, base_digest } => {
            let artifacts = artifact.map(|artifact| json!({ "digest": bytes(artifact), "form": "file" }));
            let subject = base.map(|base| json!({ "role": "base-model", "subject": version(base) }));
            let digest = base_digest.map(|digest| json!({ "role": "base-model", "digest": bytes(digest) }));
            let components: Vec<Value> = subject.into_iter().chain(digest).collect();
            let artifacts: Vec<Value> = artifacts.into_iter().collect();
            let data = json!({ "artifacts": artifacts, "components": components });
            life.say(DEVELOPER, "model.version_registered", &version(*of), data);
        }
        Said::Started { endpoint: at, version: of, day } => {
            let data = json!({ "version": version(*of) });
            life.say_of_day(DEVELOPER, u64::from(*day), "deployment.started", &endpoint(*at), data);
        }
        Said::Stopped { endpoint: at, day } => {
            life.say_of_day(DEVELOPER, u64::from(*day), "deployment.stopped", &endpoint(*at), json!({}));
        }
        Said::Needs { model: of, other } => {
            let data = json!({ "direction": "upstream", "kind": "dataset", "other": dataset(*other) });
            life.say(DEVELOPER, "dependency.declared", &model(*of), data);
        }
        Said::Withdrawn { dataset: of, digest } => {
            let data = json!({ "reason": "no consent", "digests": [bytes(*digest)] });
            life.say(DEVELOPER, "data.withdrawn", &dataset(*of), data);
        }
        Said::Void { which } => match life.scene.recorded().len() as u64 {
            0 => {}
            count => drop(life.void(DEVELOPER, u64::from(*which) % count)),
        },
    }
}

/// A plain graph. A thing as a whole is entered at `^` and left at `_`.
#[derive(Debug, Default)]
struct Oracle {
    edges: BTreeSet<(String, String)>,
    /// By digest, what registers it.
    things: BTreeMap<String, BTreeSet<String>>,
    names: BTreeSet<String>,
    withdrawn: BTreeSet<String>,
    live: BTreeSet<String>,
}

fn top(name: &str) -> String {
    format!("{name}^")
}

fn bottom(name: &str) -> String {
    format!("{name}_")
}

impl Oracle {
    fn name(&mut self, name: &str) {
        if self.names.insert(name.to_owned()) {
            self.edges.insert((top(name), bottom(name)));
            if let Some((whole, _)) = name.split_once('@') {
                self.name(whole);
                self.part(whole, name);
            }
        }
    }

    fn part(&mut self, whole: &str, part: &str) {
        self.edges.insert((top(whole), top(part)));
        self.edges.insert((bottom(part), bottom(whole)));
    }

    fn comes(&mut self, holds: bool, later: &str, earlier: &str) {
        self.name(later);
        self.name(earlier);
        if holds {
            self.edges.insert((bottom(earlier), top(later)));
        }
    }

    fn alias(&mut self, holds: bool, thing: &str, alias: &str) {
        self.name(thing);
        self.name(alias);
        if holds {
            for side in [top, bottom] {
                self.edges.insert((side(thing), side(alias)));
                self.edges.insert((side(alias), side(thing)));
            }
            self.things.entry(alias.to_owned()).or_default().insert(thing.to_owned());
        }
    }

    fn of(life: &Life, history: &[Said]) -> Self {
        let holds = holding(history);
        let mut oracle = Self::default();
        for (index, said) in history.iter().enumerate() {
            let holds = holds[index];
            match said {
                Said::Dataset { dataset: of, digest, from } => {
                    oracle.name(&dataset(*of));
                    digest.iter().for_each(|digest| oracle.alias(holds, &dataset(*of), &bytes(*digest)));
                    from.iter().for_each(|from| oracle.comes(holds, &dataset(*of), &dataset(*from)));
                }
                Said::Trained { version: made, model: of, dataset: from, digest } => {
                    let run = life.run(index as u64);
                    oracle.name(&run);
                    from.iter().for_each(|from| oracle.comes(holds, &run, &dataset(*from)));
                    digest.iter().for_each(|digest| oracle.comes(holds, &run, &bytes(*digest)));
                    match made {
                        Some(made) => oracle.comes(holds, &version(*made), &run),
                        None => {
                            oracle.name(&model(*of));
                            if holds {
                                oracle.edges.insert((bottom(&run), bottom(&model(*of))));
                            }
                        }
                    }
                }
                Said::Version { version: of, artifact, base, base_digest } => {
                    oracle.name(&version(*of));
                    artifact.iter().for_each(|artifact| oracle.alias(holds, &version(*of), &bytes(*artifact)));
                    base.iter().for_each(|base| oracle.comes(holds, &version(*of), &version(*base)));
                    base_digest.iter().for_each(|digest| oracle.comes(holds, &version(*of), &bytes(*digest)));
                }
                Said::Started { endpoint: at, version: of, .. } => {
                    oracle.name(&endpoint(*at));
                    oracle.name(&version(*of));
                }
                Said::Stopped { endpoint: at, .. } => oracle.name(&endpoint(*at)),
                Said::Needs { model: of, other } => oracle.comes(holds, &model(*of), &dataset(*other)),
                Said::Withdrawn { dataset: of, digest } => {
                    oracle.name(&dataset(*of));
                    oracle.name(&bytes(*digest));
                    if holds {
                        oracle.part(&dataset(*of), &bytes(*digest));
                        oracle.withdrawn.extend([dataset(*of), bytes(*digest)]);
                    }
                }
                Said::Void { .. } => {}
            }
        }
        oracle.serve(history, &holds);
        oracle
    }

    /// At each endpoint, of each model, the last version that started since the last stop.
    fn serve(&mut self, history: &[Said], holds: &[bool]) {
        // In half days: each is said at noon of the day that has its number, and nothing happens later than it is said.
        let mut steps: Vec<(usize, usize)> = Vec::new();
        for (index, said) in history.iter().enumerate().filter(|(index, _)| holds[*index]) {
            if let Said::Started { day, .. } | Said::Stopped { day, .. } = said {
                steps.push(((2 * usize::from(*day)).min(2 * index + 1), index));
            }
        }
        steps.sort_unstable();
        let mut serving = BTreeMap::new();
        for (_, index) in steps {
            match history[index] {
                Said::Started { endpoint, version, .. } => drop(serving.insert((endpoint, version.0), version.1)),
                Said::Stopped { endpoint, .. } => serving.retain(|(at, _), _| *at != endpoint),
                _ => {}
            }
        }
        for ((at, of), number) in serving {
            self.comes(true, &endpoint(at), &version((of, number)));
            self.live.insert(version((of, number)));
        }
    }

    /// What is reached from a name, as it is shown: without the digests of what was reached.
    fn reached(&self, name: &str, down: bool) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut ahead = vec![if down { top(name) } else { bottom(name) }];
        while let Some(at) = ahead.pop() {
            if reached.insert(at.clone()) {
                let step = |(from, to): &(String, String)| match down {
                    true => (*from == at).then(|| to.clone()),
                    false => (*to == at).then(|| from.clone()),
                };
                ahead.extend(self.edges.iter().filter_map(step));
            }
        }
        let names = reached.iter().map(|vertex| vertex[..vertex.len() - 1].to_owned());
        names.filter(|name| !self.things.contains_key(name)).collect()
    }

    /// The names of all that is one with a name.
    fn group(&self, name: &str) -> BTreeSet<String> {
        let things = self.things.get(name).into_iter().flatten().cloned();
        let aliases = self.things.iter().filter(|(_, things)| things.contains(name)).map(|(alias, _)| alias.clone());
        things.chain(aliases).chain([name.to_owned()]).collect()
    }
}

/// Which statements hold, once all corrections are counted. Corrections are not corrected.
fn holding(history: &[Said]) -> Vec<bool> {
    let mut holds = vec![true; history.len()];
    for (index, said) in history.iter().enumerate() {
        if let Said::Void { which } = said {
            let fact = usize::from(*which) % index;
            holds[fact] &= matches!(history[fact], Said::Void { .. });
        }
    }
    holds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_view_reaches_what_a_plain_graph_reaches_and_folds_alike(history in prop::collection::vec(said(), 1..40)) {
        // There is nothing to take back at first.
        let history: Vec<Said> = history.into_iter().skip_while(|said| matches!(said, Said::Void { .. })).collect();
        let mut life = Life::new();
        history.iter().for_each(|said| tell(&mut life, said));
        let oracle = Oracle::of(&life, &history);
        for name in &oracle.names {
            // An endpoint of which only a stop is known leads nowhere, and a digest that is also a thing is that thing.
            let shown = life.node(name);
            for down in [true, false] {
                let mut found = if down { life.down(name) } else { life.up(name) };
                found.insert(shown.name.clone());
                prop_assert_eq!(&found, &oracle.reached(name, down), "{} down: {}", name, down);
            }
            let group = oracle.group(name);
            if !oracle.things.contains_key(name) {
                prop_assert_eq!(shown.live, oracle.live.contains(name), "{} live", name);
                let withdrawn = group.iter().any(|name| oracle.withdrawn.contains(name) && (oracle.things.contains_key(name) || name == &shown.name));
                prop_assert_eq!(shown.withdrawn, withdrawn, "{} withdrawn", name);
            }
        }
        for name in oracle.names.iter().filter(|name| name.starts_with("dataset")) {
            let affected: BTreeSet<String> = life.affected(name).into_iter().filter(|name| name.contains('@')).collect();
            let expected = oracle.reached(name, true).into_iter().filter(|name| name.contains('@'));
            prop_assert_eq!(affected, expected.collect::<BTreeSet<_>>(), "impact of {}", name);
        }
        life.folds_alike();
    }
}
