//! What serves, what served, and how far that is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use probity_domain::lifecycle::{Standing, State};
use probity_domain::served::{STRETCHES, Served};
use probity_domain::serving::{Change, Serving, Share, Step};

const V1: &str = "model:credit/pd@1";
const V2: &str = "model:credit/pd@2";

fn step(index: u64, change: Change) -> Step {
    Step { index, at_ms: index * 10, occurred: Some((index * 10, index * 10)), change }
}

fn started(index: u64, version: &str) -> Step {
    let share = Share { version: version.to_owned(), exposure: "live".to_owned(), index, ..Share::default() };
    let share = Box::new(share);
    let nothing = None;
    let change = Change::Started {
        share,
        environment: nothing.clone(),
        region: nothing.clone(),
        serving: nothing.clone(),
        use_case: nothing.clone(),
        log_sink: nothing,
    };
    step(index, change)
}

/// A version that answers in the shadow, of which nobody says when it ends.
fn shadow(number: u64) -> Step {
    let mut step = started(number, &format!("model:credit/pd@{number}"));
    if let Change::Started { share, .. } = &mut step.change {
        share.exposure = "shadow".to_owned();
    }
    step
}

fn suspended(index: u64, scope: &str, version: Option<&str>) -> Step {
    step(index, Change::Suspended { scope: scope.to_owned(), version: version.map(str::to_owned) })
}

/// Version, whether it answers, and the stop that nobody lifted.
fn shares(serving: &Serving) -> Vec<(&str, bool, Option<u64>)> {
    serving.shares.iter().map(|share| (share.version.as_str(), !share.suspended, share.unresumed)).collect()
}

#[test]
fn what_comes_while_a_stop_that_reaches_it_holds_was_not_resumed() {
    let after = |steps: &[Step]| Serving::after(steps);
    let serving = after(&[started(1, V1), suspended(2, "endpoint", None), started(3, V2)]);
    assert_eq!(shares(&serving), [(V2, true, Some(2))]);
    let serving = after(&[started(1, V1), suspended(2, "version", Some(V1)), started(3, V2)]);
    assert_eq!(shares(&serving), [(V2, true, None)], "another version was meant");
    let serving = after(&[started(1, V1), suspended(2, "model", Some(V1)), started(3, V2)]);
    assert_eq!(shares(&serving), [(V2, true, Some(2))], "any version of the model was meant");
    // What is meant is not known to serve here, so whatever serves is stopped, and was not resumed.
    let serving = after(&[started(1, V1), suspended(2, "version", Some("model:credit/other@1")), started(3, V1)]);
    assert_eq!(shares(&serving), [(V1, true, Some(2))]);
    let resumed = after(&[started(1, V1), suspended(2, "endpoint", None), step(3, Change::Resumed), started(4, V2)]);
    assert_eq!(shares(&resumed), [(V2, true, None)]);
    let stopped = step(3, Change::Stopped { version: None });
    let stopped = after(&[started(1, V1), suspended(2, "endpoint", None), stopped, started(4, V1)]);
    assert_eq!(shares(&stopped), [(V1, true, None)], "all that was suspended was taken down");
}

#[test]
fn the_statements_that_the_answer_rests_on_say_since_when_and_why() {
    let serving = Serving::after(&[started(1, V1), suspended(2, "endpoint", None), started(3, V1)]);
    assert_eq!(serving.indices, [2, 3]);
}

#[test]
fn a_stretch_lasts_until_what_answers_answers_no_more() {
    let lived = |steps: &[Step]| {
        let mut served = Served::default();
        steps.iter().for_each(|step| served.step(step));
        served
    };
    let over = |served: &Served| -> Vec<(String, u64, u64)> {
        served.before.iter().map(|it| (it.share.version.clone(), it.share.began, it.until_ms)).collect()
    };
    let share = |version: &str, percent| Share {
        version: version.to_owned(),
        exposure: "live".to_owned(),
        percent: Some(percent),
        ..Share::default()
    };
    let half = Change::Traffic { shares: vec![share(V1, 50.0), share(V2, 50.0)], champion: None };
    let served = lived(&[started(1, V1), step(2, half)]);
    assert_eq!(over(&served), [], "another part of the traffic is no break");
    assert_eq!(served.now.shares.iter().map(|share| (share.began, share.index)).collect::<Vec<_>>(), [(1, 2), (2, 2)]);

    let served = lived(&[started(1, V1), suspended(2, "endpoint", None), step(3, Change::Resumed)]);
    assert_eq!(over(&served), [(V1.to_owned(), 1, 20)]);
    assert_eq!(served.now.shares[0].began, 3);

    // What was seen before anybody knew what it is goes on when somebody says so.
    let seen = step(1, Change::Observed { digest: None, environment: None });
    let named = step(2, Change::Attributed { version: Some(V1.to_owned()), false_alarm: false });
    let served = lived(&[seen, named]);
    assert_eq!((over(&served), served.now.shares[0].began), (vec![], 1));

    let mut many = Served::default();
    for round in 0..20 {
        many.step(&started(2 * round + 1, V1));
        many.step(&step(2 * round + 2, Change::Stopped { version: None }));
    }
    assert_eq!(many.before.len(), STRETCHES);
    assert_eq!(many.before.last().unwrap().until_ms, 400);
}

#[test]
fn what_is_retired_is_retired_whatever_else_is_true_of_it() {
    let reached = Standing { approved: true, validated: true, trained: true, registered: true, ..Standing::default() };
    let states = |standing: Standing| (standing.state(), Standing { retired: true, ..standing }.state());
    assert_eq!(states(reached), (State::Approved, State::Retired));
    assert_eq!(states(Standing { suspended: true, ..reached }), (State::Suspended, State::Retired));
    let running = Standing { running: true, suspended: true, ..reached };
    assert_eq!(states(running), (State::Live, State::RetiredStillServing));
    assert_eq!(states(Standing::default()), (State::Unregistered, State::Retired));
    for (position, state) in State::ALL.iter().enumerate() {
        assert_eq!(State::ALL.iter().position(|other| other.as_str() == state.as_str()), Some(position));
    }
}

#[test]
fn of_too_many_versions_at_one_endpoint_the_first_are_taken_to_have_ended() {
    let mut serving = Serving::default();
    (0..100).for_each(|n| serving.step(&shadow(n)));
    assert_eq!(serving.shares.len(), 64);
    assert_eq!(serving.shares[0].version, "model:credit/pd@36");
}

#[test]
fn of_too_many_stops_one_of_everything_is_left() {
    let mut serving = Serving::default();
    (0..64).for_each(|n| serving.step(&shadow(n)));
    let stop = |n: u64| suspended(100 + n, "version", Some(&format!("model:credit/pd@{n}")));
    (0..10).for_each(|_| serving.step(&stop(3)));
    assert_eq!(serving.stops.len(), 1, "said again, it is the same stop");
    (0..63).for_each(|n| serving.step(&stop(n)));
    assert_eq!((serving.stops.len(), serving.running().count()), (63, 1));
    serving.step(&suspended(200, "model", Some("model:credit/pd@1")));
    serving.step(&suspended(201, "endpoint", None));
    assert_eq!((serving.stops.len(), serving.stops[0].scope.as_str()), (1, "endpoint"));
    assert_eq!(serving.running().count(), 0);
}
