//! Patterns over namespaces and types, by which rights are given.

use std::{fmt, str::FromStr};

use crate::{Name, Namespace, Nature, ParseError, TypeInfo};

/// Which namespaces something holds in.
///
/// `*` is all of them, `credit` is that one alone, `credit/*` is `credit` and everything nested in
/// it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamespacePattern {
    /// `*`
    All,
    /// `credit`
    Exactly(Namespace),
    /// `credit/*`
    Within(Namespace),
}

impl NamespacePattern {
    /// Whether `namespace` is one of them.
    pub fn covers(&self, namespace: &Namespace) -> bool {
        match self {
            Self::All => true,
            Self::Exactly(one) => one == namespace,
            Self::Within(root) => namespace
                .as_str()
                .strip_prefix(root.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }

    /// Whether every namespace of `other` is one of these.
    pub fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (_, Self::All) => false,
            (Self::Within(_), Self::Exactly(namespace) | Self::Within(namespace)) => self.covers(namespace),
            (Self::Exactly(one), Self::Exactly(other)) => one == other,
            (Self::Exactly(_), Self::Within(_)) => false,
        }
    }

    /// How closely patterns name a namespace, in bytes of the name that they share; `None` if none covers it. Of several
    /// policies the one that names a namespace most closely holds there.
    pub fn closeness(patterns: &[Self], namespace: &Namespace) -> Option<usize> {
        let length = |pattern: &Self| match pattern {
            Self::All => 0,
            Self::Within(root) => root.as_str().len(),
            Self::Exactly(one) => one.as_str().len() + 1,
        };
        patterns.iter().filter(|pattern| pattern.covers(namespace)).map(length).max()
    }
}

impl fmt::Display for NamespacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Exactly(namespace) => fmt::Display::fmt(namespace, f),
            Self::Within(root) => write!(f, "{root}/*"),
        }
    }
}

impl fmt::Debug for NamespacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for NamespacePattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.strip_suffix("/*") {
            _ if text == "*" => Ok(Self::All),
            Some(root) => root.parse().map(Self::Within),
            None => text.parse().map(Self::Exactly),
        }
    }
}

text_form!(NamespacePattern, "namespaces: *, credit or credit/*", {
    "pattern": "^(\\*|[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*(/\\*)?)$"
});

/// Which types a role may record.
///
/// `usecase.*` is a whole family, `plan.proposed` one type, `*` everything. In front, `fact:` or
/// `act:` narrows it to one nature: `fact:model.*`. The family or type need not be known to this
/// build, so that a policy can be written ahead of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypePattern {
    nature: Option<Nature>,
    family: Option<Name>,
    name: Option<Name>,
}

impl TypePattern {
    /// Whether `info` is one of them.
    pub fn covers(&self, info: &TypeInfo) -> bool {
        self.nature.is_none_or(|nature| nature == info.nature)
            && self.family.as_ref().is_none_or(|family| family.as_str() == info.family())
            && self.name.as_ref().is_none_or(|name| name.as_str() == info.name())
    }
}

impl fmt::Display for TypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nature {
            Some(Nature::Fact) => f.write_str("fact:")?,
            Some(Nature::Act) => f.write_str("act:")?,
            None => {}
        }
        match (&self.family, &self.name) {
            (None, _) => f.write_str("*"),
            (Some(family), None) => write!(f, "{family}.*"),
            (Some(family), Some(name)) => write!(f, "{family}.{name}"),
        }
    }
}

impl fmt::Debug for TypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TypePattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (nature, rest) = match text.split_once(':') {
            Some(("fact", rest)) => (Some(Nature::Fact), rest),
            Some(("act", rest)) => (Some(Nature::Act), rest),
            _ => (None, text),
        };
        if rest == "*" {
            return Ok(Self { nature, family: None, name: None });
        }
        let (family, name) = rest.split_once('.').ok_or(ParseError::Form {
            what: "type pattern",
            expected: "*, family.* or family.type, with fact: or act: in front if need be",
        })?;
        let name = if name == "*" { None } else { Some(name.parse()?) };
        Ok(Self { nature, family: Some(family.parse()?), name })
    }
}

text_form!(TypePattern, "types: *, usecase.* or plan.proposed, with fact: or act: in front if need be", {
    "pattern": "^((fact|act):)?(\\*|[a-z0-9][a-z0-9_-]*\\.(\\*|[a-z0-9][a-z0-9_-]*))$"
});
