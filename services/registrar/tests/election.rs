//! Elections against each other: three registrars, a stream with a fence, and a network that delays
//! and loses what is said.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::time::Duration;

use probity_log::{Heartbeat, RegistrarState};
use probity_registrar::{ANNOUNCE, Attempt, Election, ElectionAction, ElectionEvent, MAX_JITTER, SILENCE};
use proptest::prelude::*;

const TICK: Duration = Duration::from_millis(50);
const REGISTRARS: usize = 3;

/// Within this much quiet a registrar is elected.
const SETTLES: Duration = Duration::from_secs(15);

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// NATS no longer answers this registrar.
    CutOff(usize),
    /// NATS answers it again.
    Reconnect(usize),
    /// It ends without a word and starts again.
    Crash(usize),
    /// It is told to stop, and starts again.
    Restart(usize),
    /// It halts.
    Halt(usize),
    /// Its clock becomes unfit, or fit again.
    Clock(usize, bool),
    /// So many percent of what is said is lost.
    Lossy(u8),
    /// What is said takes up to so many milliseconds.
    Slow(u16),
    /// The stream loses a block that it acknowledged.
    StreamLoses,
}

fn faults() -> impl Strategy<Value = Vec<(u16, Fault)>> {
    let node = 0..REGISTRARS;
    let fault = prop_oneof![
        3 => node.clone().prop_map(Fault::CutOff),
        3 => node.clone().prop_map(Fault::Reconnect),
        2 => node.clone().prop_map(Fault::Crash),
        2 => node.clone().prop_map(Fault::Restart),
        2 => (node.clone(), any::<bool>()).prop_map(|(node, fit)| Fault::Clock(node, fit)),
        1 => node.prop_map(Fault::Halt),
        2 => (0_u8..90).prop_map(Fault::Lossy),
        2 => (0_u16..3_000).prop_map(Fault::Slow),
        1 => Just(Fault::StreamLoses),
    ];
    proptest::collection::vec((0_u16..8_000, fault), 0..20)
}

#[derive(Debug)]
struct Node {
    election: Election,
    id: u64,
    /// The blocks it has released.
    blocks: usize,
    reachable: bool,
    halted: bool,
    clock_is_fit: bool,
    /// What an attempt will say, and when.
    attempt: Option<(Duration, ElectionEvent)>,
    /// Whether it takes statements.
    leads: bool,
    follows: Option<String>,
    /// When it last heard that another one is active, unless one has said since that it leaves.
    heard_active: Option<Duration>,
    /// When it last heard a halted one with more blocks.
    heard_more: Option<Duration>,
    last_attempt: Option<Attempt>,
}

#[derive(Debug)]
struct World {
    now: Duration,
    /// Who appended each block: what the fence lets through.
    stream: Vec<u64>,
    nodes: Vec<Node>,
    /// When, to whom, what.
    on_the_way: Vec<(Duration, usize, Heartbeat)>,
    random: u64,
    lost_percent: u64,
    slowest_ms: u64,
    starts: u64,
    /// For how long more than one was active.
    both_active: Duration,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            now: Duration::ZERO,
            stream: vec![0],
            nodes: Vec::new(),
            on_the_way: Vec::new(),
            random: seed,
            lost_percent: 0,
            slowest_ms: 0,
            starts: 0,
            both_active: Duration::ZERO,
        };
        for _ in 0..REGISTRARS {
            let node = world.node(1);
            world.nodes.push(node);
        }
        world
    }

    fn node(&mut self, blocks: usize) -> Node {
        self.starts += 1;
        // Unlike each other, and in no order.
        let id = self.starts.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Node {
            election: Election::new(id, true, self.now),
            id,
            blocks,
            reachable: true,
            halted: false,
            clock_is_fit: true,
            attempt: None,
            leads: false,
            follows: None,
            heard_active: None,
            heard_more: None,
            last_attempt: None,
        }
    }

    /// A number below `end` (SplitMix64).
    fn below(&mut self, end: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }

    fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::CutOff(node) => self.nodes[node].reachable = false,
            Fault::Reconnect(node) => self.nodes[node].reachable = true,
            Fault::Crash(node) => self.start_again(node),
            Fault::Restart(node) => {
                self.tell(node, ElectionEvent::Stop);
                assert!(self.nodes[node].election.is_stopped());
                self.start_again(node);
            }
            Fault::Halt(node) => self.halt(node),
            Fault::Clock(node, fit) => self.nodes[node].clock_is_fit = fit,
            Fault::Lossy(percent) => self.lost_percent = percent.into(),
            Fault::Slow(ms) => self.slowest_ms = ms.into(),
            Fault::StreamLoses => {
                if self.stream.len() > 1 {
                    self.stream.pop();
                }
            }
        }
    }

    /// Its files keep what it has released.
    fn start_again(&mut self, node: usize) {
        let new = self.node(self.nodes[node].blocks);
        self.nodes[node] = new;
    }

    fn halt(&mut self, node: usize) {
        self.nodes[node].halted = true;
        self.nodes[node].leads = false;
        self.tell(node, ElectionEvent::Halted);
    }

    fn quiet(&mut self) {
        (self.lost_percent, self.slowest_ms) = (0, 100);
        for node in &mut self.nodes {
            node.reachable = true;
            node.clock_is_fit = true;
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += TICK;
            self.tick();
        }
    }

    fn tick(&mut self) {
        let now = self.now;
        let (due, later) = std::mem::take(&mut self.on_the_way).into_iter().partition(|(at, ..)| *at <= now);
        self.on_the_way = later;
        let due: Vec<_> = due;
        for (_, to, heartbeat) in due {
            if self.nodes[to].reachable {
                self.tell(to, ElectionEvent::Heard(heartbeat));
            }
        }
        for node in 0..REGISTRARS {
            if let Some((_, outcome)) = self.nodes[node].attempt.take_if(|(at, _)| *at <= now) {
                match outcome {
                    ElectionEvent::Halted => self.halt(node),
                    outcome => self.tell(node, outcome),
                }
            }
            if self.nodes[node].election.deadline().is_some_and(|deadline| deadline <= now) {
                self.tell(node, ElectionEvent::Deadline);
            }
            self.follow(node);
            let fit = self.nodes[node].clock_is_fit;
            if self.nodes[node].leads {
                self.tell(node, ElectionEvent::Clock { fit });
            }
            if self.nodes[node].leads && fit && self.below(4) == 0 {
                self.append(node);
            }
        }
        let active = self.nodes.iter().filter(|node| node.leads).count();
        if active > 1 {
            self.both_active += TICK;
        }
    }

    /// Takes in what the stream has, or finds that it lost something.
    fn follow(&mut self, node: usize) {
        let length = self.stream.len();
        let is_following = self.nodes[node].election.is_following() && self.nodes[node].reachable;
        if is_following && self.below(3) == 0 && self.nodes[node].blocks < length {
            self.nodes[node].blocks = length;
        }
    }

    /// Tries to append a block: the fence lets it through if the stream ends where it follows.
    fn append(&mut self, node: usize) {
        if !self.nodes[node].reachable {
            return;
        }
        match self.nodes[node].blocks.cmp(&self.stream.len()) {
            std::cmp::Ordering::Equal => {
                self.stream.push(self.nodes[node].id);
                self.nodes[node].blocks += 1;
            }
            std::cmp::Ordering::Less => {
                self.nodes[node].leads = false;
                self.tell(node, ElectionEvent::Deposed);
                assert!(!self.nodes[node].election.is_active(), "it goes on after the fence refused it");
            }
            // What it released is gone from the stream.
            std::cmp::Ordering::Greater => self.halt(node),
        }
    }

    fn tell(&mut self, at: usize, event: ElectionEvent) {
        let now = self.now;
        let length = self.stream.len();
        let node = &mut self.nodes[at];
        match &event {
            ElectionEvent::Heard(other) if other.id != node.id => match other.state {
                RegistrarState::Active => node.heard_active = Some(now),
                RegistrarState::Leaving => node.heard_active = None,
                RegistrarState::Halted if other.blocks > node.blocks as u64 => node.heard_more = Some(now),
                RegistrarState::Halted => {}
            },
            ElectionEvent::Attempted(attempt) => node.last_attempt = Some(*attempt),
            _ => {}
        }
        let (was_active, blocks) = (node.election.is_active(), node.blocks as u64);
        let actions = node.election.on(event.clone(), now, blocks);
        if let (true, ElectionEvent::Heard(other)) = (was_active, &event) {
            let gets_ahead = other.state == RegistrarState::Active && (other.blocks, other.id) > (blocks, node.id);
            let has_more = other.state == RegistrarState::Halted && other.blocks > blocks;
            assert!(!((gets_ahead || has_more) && node.election.is_active()), "it does not give way to {other:?}");
        }
        for action in actions {
            let node = &mut self.nodes[at];
            match action {
                ElectionAction::Attempt => {
                    let is_recent = |heard: Option<Duration>| heard.is_some_and(|heard| now < heard + SILENCE);
                    assert!(!is_recent(node.heard_active), "it tries although another one is active");
                    assert!(!is_recent(node.heard_more), "it tries although a halted one has more");
                    let outcome = match node.reachable {
                        false => ElectionEvent::Attempted(Attempt::Unreachable),
                        true if node.blocks > length => ElectionEvent::Halted,
                        true if node.blocks < length => ElectionEvent::Attempted(Attempt::NotYet),
                        true => ElectionEvent::Attempted(Attempt::Ready),
                    };
                    let took = Duration::from_millis(self.below(400));
                    self.nodes[at].attempt = Some((now + took, outcome));
                }
                ElectionAction::Lead => {
                    assert_eq!(node.last_attempt, Some(Attempt::Ready), "it leads without having tried");
                    assert!(!node.halted, "it leads although it is halted");
                    node.leads = true;
                    node.follows = None;
                }
                ElectionAction::StepDown => node.leads = false,
                ElectionAction::Follow { active } => node.follows = active,
                ElectionAction::Announce(state) => self.announce(at, state),
                ElectionAction::Answer(_) => {}
            }
        }
        assert_eq!(self.nodes[at].leads, self.nodes[at].election.is_active(), "after {event:?}");
    }

    fn announce(&mut self, from: usize, state: RegistrarState) {
        let Node { id, blocks, reachable, .. } = self.nodes[from];
        if !reachable {
            return;
        }
        let heartbeat = Heartbeat { id, address: format!("https://{id:x}"), blocks: blocks as u64, state };
        for to in 0..REGISTRARS {
            if self.below(100) >= self.lost_percent {
                let took = Duration::from_millis(self.below(self.slowest_ms + 1));
                self.on_the_way.push((self.now + took, to, heartbeat.clone()));
            }
        }
    }

    /// What must be so after a while of quiet.
    fn assert_settled(&self) {
        let active: Vec<&Node> = self.nodes.iter().filter(|node| node.leads).collect();
        let most_halted = self.nodes.iter().filter(|node| node.halted).map(|node| node.blocks).max().unwrap_or(0);
        let may_lead = self.nodes.iter().any(|node| !node.halted && node.blocks >= most_halted);
        match active[..] {
            [] => assert!(!may_lead, "none is active: {self:#?}"),
            [active] => {
                assert!(active.blocks >= most_halted, "a halted one has more blocks: {self:#?}");
                let address = format!("https://{:x}", active.id);
                for standby in self.nodes.iter().filter(|node| !node.halted && node.id != active.id) {
                    assert_eq!(standby.follows.as_ref(), Some(&address), "{self:#?}");
                }
            }
            _ => panic!("two are active: {self:#?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// The rules of the election hold at every step, whatever goes wrong, and once all is quiet one
    /// is active.
    #[test]
    fn whatever_goes_wrong_one_is_active_once_all_is_quiet(seed: u64, faults in faults()) {
        let mut world = World::new(seed);
        for (pause, fault) in faults {
            world.run(Duration::from_millis(pause.into()));
            world.strike(fault);
        }
        world.quiet();
        world.run(SETTLES);
        world.assert_settled();
        let length = world.stream.len();
        world.run(SETTLES);
        world.assert_settled();
        if world.nodes.iter().any(|node| node.leads) {
            prop_assert!(world.stream.len() > length, "the active one appends nothing");
        }
    }
}

fn heartbeat(id: u64, blocks: u64, state: RegistrarState) -> Heartbeat {
    Heartbeat { id, address: format!("https://{id}"), blocks, state }
}

/// An election that is active at once.
fn active(id: u64) -> Election {
    let mut election = Election::new(id, true, Duration::ZERO);
    assert_eq!(election.on(ElectionEvent::Answered(None), Duration::ZERO, 5), []);
    assert_eq!(election.on(ElectionEvent::Deadline, Duration::ZERO, 5), [ElectionAction::Attempt]);
    let actions = election.on(ElectionEvent::Attempted(Attempt::Ready), Duration::ZERO, 5);
    assert_eq!(actions, [ElectionAction::Lead, ElectionAction::Announce(RegistrarState::Active)]);
    election
}

#[test]
fn two_that_cannot_hear_each_other_are_both_active_and_only_the_fence_keeps_them_apart() {
    let mut world = World::new(7);
    world.run(SETTLES);
    world.assert_settled();
    assert_eq!(world.both_active, Duration::ZERO);
    world.lost_percent = 100;
    world.run(SILENCE + MAX_JITTER + ANNOUNCE);
    assert!(world.both_active > Duration::ZERO);
    world.quiet();
    world.run(SETTLES);
    world.assert_settled();
}

#[test]
fn of_two_that_are_active_the_one_with_more_blocks_stays_and_then_the_one_with_the_higher_id() {
    let now = Duration::from_secs(1);
    for (other, gives_way) in [((9, 6), true), ((1, 6), true), ((9, 5), true), ((1, 5), false), ((9, 4), false)] {
        let mut election = active(3);
        let heard = heartbeat(other.0, other.1, RegistrarState::Active);
        let actions = election.on(ElectionEvent::Heard(heard), now, 5);
        let expected =
            if gives_way { ElectionAction::StepDown } else { ElectionAction::Announce(RegistrarState::Active) };
        assert_eq!(actions, [expected], "{other:?}");
        assert_eq!(election.is_active(), !gives_way, "{other:?}");
    }
}

#[test]
fn one_that_stops_says_so_and_one_that_hears_it_does_not_wait_for_silence() {
    let (mut leaving, mut standby) = (active(3), Election::new(400, true, Duration::ZERO));
    let now = Duration::from_secs(1);
    let actions = leaving.on(ElectionEvent::Stop, now, 5);
    assert_eq!(actions, [ElectionAction::StepDown, ElectionAction::Announce(RegistrarState::Leaving)]);
    assert!(leaving.is_stopped());
    assert_eq!(standby.on(ElectionEvent::Heard(heartbeat(3, 5, RegistrarState::Leaving)), now, 5), []);
    assert_eq!(standby.deadline(), Some(now + Duration::from_millis(100)));
}

#[test]
fn a_halted_one_with_more_blocks_holds_a_standby_back_even_when_the_active_one_leaves() {
    let mut standby = Election::new(400, true, Duration::ZERO);
    let now = Duration::from_secs(1);
    let halted = heartbeat(8, 9, RegistrarState::Halted);
    assert_eq!(standby.on(ElectionEvent::Heard(halted), now, 5), [ElectionAction::Follow { active: None }]);
    assert_eq!(standby.on(ElectionEvent::Heard(heartbeat(3, 5, RegistrarState::Leaving)), now, 5), []);
    assert_eq!(standby.deadline(), Some(now + SILENCE));
    // With as many blocks it is none of its business.
    assert_eq!(standby.on(ElectionEvent::Heard(heartbeat(8, 9, RegistrarState::Halted)), now, 9), []);
}

#[test]
fn an_attempt_that_is_overtaken_by_an_active_registrar_leads_to_nothing() {
    let mut election = Election::new(3, true, Duration::ZERO);
    election.on(ElectionEvent::Answered(None), Duration::ZERO, 5);
    assert_eq!(election.on(ElectionEvent::Deadline, Duration::ZERO, 5), [ElectionAction::Attempt]);
    election.on(ElectionEvent::Heard(heartbeat(8, 5, RegistrarState::Active)), Duration::ZERO, 5);
    assert_eq!(election.on(ElectionEvent::Attempted(Attempt::Ready), Duration::ZERO, 5), []);
    assert!(!election.is_active());
}

#[test]
fn one_that_may_not_lead_never_tries_and_is_never_heard() {
    let mut follower = Election::new(3, false, Duration::ZERO);
    follower.on(ElectionEvent::Answered(None), Duration::ZERO, 5);
    assert_eq!(follower.deadline(), None);
    assert_eq!(follower.on(ElectionEvent::Deadline, Duration::from_secs(60), 5), []);
    assert_eq!(follower.on(ElectionEvent::Halted, Duration::from_secs(60), 5), []);
    assert_eq!((follower.deadline(), follower.hears_questions()), (None, false));
}

#[test]
fn one_whose_clock_is_unfit_leaves_to_the_others_and_comes_back_if_there_are_none() {
    let mut election = active(3);
    let mut now = Duration::from_secs(1);
    let unfit = ElectionEvent::Clock { fit: false };
    let actions = election.on(unfit.clone(), now, 5);
    assert_eq!(actions, [ElectionAction::StepDown, ElectionAction::Announce(RegistrarState::Leaving)]);
    // None of the others takes over.
    now = election.deadline().unwrap();
    assert_eq!(election.on(ElectionEvent::Deadline, now, 5), [ElectionAction::Attempt]);
    election.on(ElectionEvent::Attempted(Attempt::Ready), now, 5);
    assert_eq!(election.on(unfit.clone(), now, 5), [], "it goes on and says why it takes nothing");
    assert!(election.is_active());
    // The clock is put right, and wrong again.
    assert_eq!(election.on(ElectionEvent::Clock { fit: true }, now, 5), []);
    assert_eq!(election.on(unfit, now, 5).first(), Some(&ElectionAction::StepDown));
}
