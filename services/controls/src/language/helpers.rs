//! What rules can ask beside what CEL has: of time, of order, of persons, and of what the ledger knows.

use super::kind::Kind;

/// What a parameter of a helper takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Facts,
    Fact,
    /// A fact, or a list of facts.
    FactOrFacts,
    Time,
    Span,
    Number,
    Truth,
    Text,
    /// The name of a standing question.
    Question,
    /// Any list.
    Any,
}

/// What a helper gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gives {
    Truth,
    Number,
    Time,
    Span,
    /// Facts of the types of its first argument.
    Same,
    /// One element of its first argument.
    One,
}

macro_rules! helpers {
    ($($(#[doc = $doc:literal])+ $helper:ident = $name:literal($($parameter:literal: $takes:ident),*) -> $gives:ident;)+) => {
        /// A function of the language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Helper {
            $($(#[doc = $doc])+ $helper,)+
        }

        impl Helper {
            /// All of them.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$helper),+];

            /// Its name.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$helper => $name,)+ }
            }

            /// What it takes: the name of each parameter, and what that is.
            pub(crate) const fn takes(self) -> &'static [(&'static str, Takes)] {
                match self { $(Self::$helper => &[$(($parameter, Takes::$takes)),*],)+ }
            }

            /// What it gives.
            pub(crate) const fn gives(self) -> Gives {
                match self { $(Self::$helper => Gives::$gives,)+ }
            }

            /// What it is for, for the reference.
            pub(crate) fn doc(self) -> &'static str {
                match self { $(Self::$helper => concat!($($doc),+).trim(),)+ }
            }
        }
    };
}

helpers! {
    /// How many elements a list has.
    Size = "size"("list": Any) -> Number;
    /// The first fact of a list, in the order in which they happened.
    First = "first"("facts": Facts) -> One;
    /// The last fact of a list.
    Last = "last"("facts": Facts) -> One;
    /// Those facts that still hold: not withdrawn, not erased, and not past the `expires_at` that they state.
    Current = "current"("facts": Facts) -> Same;
    /// Those facts that are about this very version: its subject, and its bytes where the fact names bytes.
    SameVersion = "same_version"("facts": Facts) -> Same;
    /// Those facts that answer, continue or close another one.
    Answers = "answers"("facts": Facts, "fact": Fact) -> Same;
    /// Those facts that rest on a document of a kind.
    WithEvidence = "with_evidence"("facts": Facts, "kind": Text) -> Same;
    /// Whether one of the first happened before the first of the second. Pending while there is neither.
    Before = "before"("facts": Facts, "others": Facts) -> Truth;
    /// Whether one of the first happened, and again after the last of the second.
    Renewed = "renewed"("facts": Facts, "others": Facts) -> Truth;
    /// Whether the newest of them is no older than that.
    Fresh = "fresh"("facts": Facts, "span": Span) -> Truth;
    /// Whether one of them happened in each stretch of that length since a moment. Earlier gaps were failures then.
    Every = "every"("facts": Facts, "span": Span, "since": Time) -> Truth;
    /// The moment that lies so much later.
    Due = "due"("from": Time, "within": Span) -> Time;
    /// Whether there is one of them by a moment. Pending until then; one that comes late counts from then on.
    Met = "met"("deadline": Time, "facts": Facts) -> Truth;
    /// Whether there was one of them by a moment: one that comes late never counts.
    InTime = "in_time"("deadline": Time, "facts": Facts) -> Truth;
    /// Whether a moment is reached.
    Passed = "passed"("moment": Time) -> Truth;
    /// Whether nobody stands behind both.
    Separate = "separate"("facts": FactOrFacts, "others": FactOrFacts) -> Truth;
    /// Whether whoever signed a fact held a role in its namespace when they did.
    RoleAt = "role_at"("fact": Fact, "role": Text) -> Truth;
    /// Whether they are all kept for so long after they happened: neither withdrawn nor destroyed nor erased.
    Retained = "retained"("facts": Facts, "span": Span) -> Truth;
    /// Whether the version may serve in production: the deployment gates say so.
    Approved = "approved"() -> Truth;
    /// Whether the version answers somewhere in production.
    Serving = "serving"() -> Truth;
    /// Whether the version answers in production, or did.
    Served = "served"() -> Truth;
    /// When the version first answered in production.
    FirstServed = "first_served"() -> Time;
    /// Whether a standing question finds something about the version, such as `finding-overdue`.
    Finds = "finds"("question": Question) -> Truth;
    /// So many days of 24 hours.
    Days = "days"("count": Number) -> Span;
    /// So many hours.
    Hours = "hours"("count": Number) -> Span;
    /// To the end of the day (UTC) that is so many days later; with `true`, to the end of Monday where that is a weekend.
    CalendarDays = "calendar_days"("count": Number, "to_working_day": Truth) -> Span;
}

impl Helper {
    /// The helper of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|helper| helper.name() == name)
    }

    /// How it is called, such as `fresh(facts, span)`.
    pub(crate) fn signature(self) -> String {
        let parameters: Vec<&str> = self.takes().iter().map(|(name, _)| *name).collect();
        format!("{}({})", self.name(), parameters.join(", "))
    }
}

impl Takes {
    pub(crate) fn accepts(self, kind: &Kind) -> bool {
        let is_fact = |kind: &Kind| matches!(kind, Kind::Fact(_));
        match (self, kind) {
            (Self::Facts | Self::FactOrFacts, Kind::List(of)) => is_fact(of),
            (Self::Any, Kind::List(_))
            | (Self::Time, Kind::Time)
            | (Self::Span, Kind::Span)
            | (Self::Number, Kind::Number)
            | (Self::Truth, Kind::Truth)
            | (Self::Text | Self::Question, Kind::Text(_)) => true,
            (Self::Fact | Self::FactOrFacts, kind) => is_fact(kind),
            _ => false,
        }
    }

    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Facts => "a list of facts",
            Self::Fact => "a fact",
            Self::FactOrFacts => "a fact or a list of facts",
            Self::Time => "a time",
            Self::Span => "a length of time, such as days(30)",
            Self::Number => "a number",
            Self::Truth => "true or false",
            Self::Text => "a text",
            Self::Question => "the name of a standing question",
            Self::Any => "a list",
        }
    }
}
