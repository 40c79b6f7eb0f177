//! A timeline has one value for every moment.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use probity_domain::Timeline;
use proptest::prelude::*;

#[test]
fn a_value_that_stays_the_same_makes_one_span() {
    let timeline = Timeline::changing_at([5, 9, 7], |time_ms| time_ms >= 7);
    assert_eq!(timeline.spans().collect::<Vec<_>>(), [(0, Some(7), &false), (7, None, &true)]);
    assert_eq!(Timeline::always("x").spans().collect::<Vec<_>>(), [(0, None, &"x")]);
}

proptest! {
    #[test]
    fn every_moment_lies_in_the_span_whose_value_it_has(
        moments in proptest::collection::vec(0..60_u64, 0..12),
        values in proptest::collection::vec(0..3_u8, 13),
        asked in 0..70_u64,
    ) {
        let mut sorted: Vec<u64> = moments.iter().copied().chain([0]).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let value_at = |time_ms: u64| values[sorted.partition_point(|moment| *moment <= time_ms) - 1];
        let timeline = Timeline::changing_at(moments, value_at);
        prop_assert_eq!(*timeline.at(asked), value_at(asked));
        let spans: Vec<_> = timeline.spans().collect();
        prop_assert_eq!(spans[0].0, 0);
        prop_assert_eq!(spans.last().unwrap().1, None);
        for pair in spans.windows(2) {
            prop_assert_eq!(pair[0].1, Some(pair[1].0), "no gap");
            prop_assert_ne!(pair[0].2, pair[1].2, "neighbours differ");
        }
        let holding = spans.iter().filter(|(from, until, _)| *from <= asked && until.is_none_or(|until| asked < until));
        prop_assert_eq!(holding.map(|(.., value)| **value).collect::<Vec<_>>(), [value_at(asked)]);
    }
}
