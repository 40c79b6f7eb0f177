//! What a process does: it takes statements, answers from views, or both.

use std::str::FromStr;
use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use probity_query::ViewSpec;
use serde::{Deserialize, Deserializer, de};

use crate::views::VIEWS;

/// The name of a view that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ViewName(&'static str);

/// A name that no view, or no role, has.
#[derive(Debug, thiserror::Error)]
#[error("unknown variant `{name}`, expected one of {}", known.join(", "))]
pub(crate) struct UnknownName {
    name: String,
    known: Vec<&'static str>,
}

impl ViewName {
    /// The names of all views.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        VIEWS.iter().map(|view| Self(view.name))
    }

    /// The view of this name.
    pub(crate) fn spec(self) -> Option<&'static ViewSpec> {
        VIEWS.iter().find(|view| view.name == self.0)
    }

    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }
}

impl FromStr for ViewName {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let unknown = || UnknownName { name: name.to_owned(), known: Self::all().map(Self::as_str).collect() };
        Self::all().find(|view| view.0 == name).ok_or_else(unknown)
    }
}

impl<'de> Deserialize<'de> for ViewName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Role {
    /// Takes statements, or stands by to.
    Registrar,
    /// Answers from a view.
    View(ViewName),
}

/// All roles, the registrar first.
static ROLES: LazyLock<Vec<Role>> =
    LazyLock::new(|| std::iter::once(Role::Registrar).chain(ViewName::all().map(Role::View)).collect());

impl Role {
    /// Everything.
    pub(crate) fn all() -> Vec<Self> {
        ROLES.clone()
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Registrar => "registrar",
            Self::View(view) => view.as_str(),
        }
    }
}

impl TryFrom<String> for Role {
    type Error = UnknownName;

    fn try_from(name: String) -> Result<Self, UnknownName> {
        let known = || ROLES.iter().map(|role| role.as_str()).collect();
        ROLES.iter().find(|role| role.as_str() == name).copied().ok_or_else(|| UnknownName { known: known(), name })
    }
}

impl ValueEnum for Role {
    fn value_variants<'a>() -> &'a [Self] {
        &ROLES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let about = match self {
            Self::Registrar => "takes statements, or stands by to".to_owned(),
            Self::View(view) => format!("answers {}", view.spec()?.about),
        };
        Some(PossibleValue::new(self.as_str()).help(about))
    }
}
