//! Parts that several families are made of.

use crate::{Digest, Number, Text, Timestamp, Title};

/// Any kind of subject.
pub(crate) const ANY: &[crate::SubjectKind] = crate::SubjectKind::ALL;

record! {
    /// A measured value.
    pub struct Metric {
        /// What was measured, such as `auc` or `latency`.
        name: Title,
        /// The value.
        value: Number,
        /// Its unit, where it has one, such as `ms`.
        unit: Option<Text>,
        /// The bound it was held against.
        threshold: Option<Threshold>,
        /// The part of the population it was measured on; absent for all of it.
        slice: Option<Text>,
    }
}

record! {
    /// A bound.
    pub struct Threshold {
        /// Which side of the bound is good.
        comparison: Comparison,
        /// The bound, in the unit of what it bounds.
        value: Number,
    }
}

choice! {
    /// Which side of a bound is good.
    pub enum Comparison {
        /// The bound or more.
        AtLeast,
        /// The bound or less.
        AtMost,
    }
}

record! {
    /// The code something was made with.
    pub struct Code {
        /// Where it is kept.
        repository: Option<Text>,
        /// The commit.
        commit: Option<Text>,
        /// The digest of the source tree or archive.
        digest: Option<Digest>,
    }
}

record! {
    /// An amount of money.
    pub struct Money {
        /// How much.
        amount: Number,
        /// Of what: an ISO 4217 code such as `EUR`.
        currency: Text,
    }
}

record! {
    /// A stretch of time; a missing end is open.
    pub struct Window {
        /// Its first moment.
        from: Option<Timestamp>,
        /// Its last moment.
        until: Option<Timestamp>,
    }
}

choice! {
    /// Where a model runs.
    pub enum Environment {
        /// For trying things out.
        Development,
        /// For testing, away from real users.
        Test,
        /// As production, ahead of it.
        Staging,
        /// For real.
        Production,
    }
}

choice! {
    /// How an assessment ended.
    pub enum Outcome {
        /// Good.
        Passed,
        /// Good under conditions.
        PassedWithConditions,
        /// Not good.
        Failed,
        /// Neither.
        Inconclusive,
        /// The question didn't arise.
        NotApplicable,
    }
}

choice! {
    /// How bad.
    pub enum Severity {
        /// Hardly.
        Low,
        /// Noticeably.
        Medium,
        /// Seriously.
        High,
        /// As bad as it gets.
        Critical,
    }
}
