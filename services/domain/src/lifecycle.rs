//! How far a model, or one version of it, is: one word for every view.

use std::fmt;

/// What is known of a model or version, as far as its state goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// It, or the model it is a version of, was retired, and that was not reversed.
    pub retired: bool,
    /// It answers somewhere.
    pub running: bool,
    /// It is stopped somewhere in an emergency.
    pub suspended: bool,
    /// An approval of it was granted.
    pub approved: bool,
    /// Its last validation passed.
    pub validated: bool,
    /// It was trained.
    pub trained: bool,
    /// It was registered.
    pub registered: bool,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Named by somebody's statement, and registered by nobody.
    Unregistered,
    /// Registered.
    Registered,
    /// Trained.
    Trained,
    /// Validated, and that it passed was stated.
    Validated,
    /// An approval was granted.
    Approved,
    /// Stopped in an emergency wherever it served.
    Suspended,
    /// It answers somewhere.
    Live,
    /// Retired, and nothing of it answers.
    Retired,
    /// Retired, and it answers somewhere none the less.
    RetiredStillServing,
}

impl Standing {
    /// How far it is: the furthest that it came, unless it was retired. What serves although it was
    /// retired is said to do both.
    #[must_use]
    pub fn state(self) -> State {
        match self {
            Self { retired: true, running: true, .. } => State::RetiredStillServing,
            Self { retired: true, .. } => State::Retired,
            Self { running: true, .. } => State::Live,
            Self { suspended: true, .. } => State::Suspended,
            Self { approved: true, .. } => State::Approved,
            Self { validated: true, .. } => State::Validated,
            Self { trained: true, .. } => State::Trained,
            Self { registered: true, .. } => State::Registered,
            Self { .. } => State::Unregistered,
        }
    }
}

impl State {
    /// All of them, the furthest last.
    pub const ALL: &'static [Self] = &[
        Self::Unregistered,
        Self::Registered,
        Self::Trained,
        Self::Validated,
        Self::Approved,
        Self::Suspended,
        Self::Live,
        Self::Retired,
        Self::RetiredStillServing,
    ];

    /// The word for it, as it is asked for and answered.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unregistered => "unregistered",
            Self::Registered => "registered",
            Self::Trained => "trained",
            Self::Validated => "validated",
            Self::Approved => "approved",
            Self::Suspended => "suspended",
            Self::Live => "live",
            Self::Retired => "retired",
            Self::RetiredStillServing => "retired-still-serving",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
