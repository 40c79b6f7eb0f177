//! What an event is about.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ParseError, error::nearest};

/// A thing with a life of its own, named once and never renamed.
///
/// As text `kind:namespace/name@version`, such as `model:credit/pd-scorecard@3.1.0`; the last
/// `/` parts the name from its namespace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// What kind of thing it is.
    pub kind: SubjectKind,
    /// Whose it is; rights are granted by namespace.
    pub namespace: Namespace,
    /// Its name within the namespace.
    pub name: Name,
    /// One version of it; absent when the event concerns the thing as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::list::present")]
    pub version: Option<Version>,
}

impl Subject {
    /// The ledger the event is recorded in, as its own subject: `ledger:probity/ledger`.
    pub fn this_ledger() -> Self {
        Self {
            kind: SubjectKind::Ledger,
            namespace: Namespace("probity".to_owned()),
            name: Name("ledger".to_owned()),
            version: None,
        }
    }

    /// An identity's subject. Only for names that are made of allowed characters already.
    pub(crate) fn of_identity(kind: &str, name: &str) -> Self {
        Self {
            kind: SubjectKind::Identity,
            namespace: Namespace(kind.to_owned()),
            name: Name(name.to_owned()),
            version: None,
        }
    }

    /// The same thing without its version.
    pub fn without_version(&self) -> Self {
        Self { version: None, ..self.clone() }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.kind, self.namespace, self.name)?;
        self.version.iter().try_for_each(|version| write!(f, "@{version}"))
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Subject {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let form = ParseError::Form { what: "subject", expected: "kind:namespace/name@version" };
        let (kind, rest) = text.split_once(':').ok_or_else(|| form.clone())?;
        let (path, version) = match rest.split_once('@') {
            Some((path, version)) => (path, Some(version.parse()?)),
            None => (rest, None),
        };
        let (namespace, name) = path.rsplit_once('/').ok_or(form)?;
        Ok(Self { kind: kind.parse()?, namespace: namespace.parse()?, name: name.parse()?, version })
    }
}

macro_rules! kinds {
    ($($(#[$meta:meta])* $kind:ident = $text:literal,)*) => {
        /// The kinds of things events are about.
        #[derive(
            Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "lowercase")]
        pub enum SubjectKind {
            $($(#[$meta])* $kind,)*
        }

        impl SubjectKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The kind as it is written.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// A model, whatever it is made of: learnt, statistical, rules, a vendor's.
    Model = "model",
    /// A use a model is put to, or was proposed for.
    Usecase = "usecase",
    /// A set of data.
    Dataset = "dataset",
    /// A place where a model version serves.
    Endpoint = "endpoint",
    /// Who supplies a model from outside.
    Supplier = "supplier",
    /// A person or service that signs.
    Identity = "identity",
    /// A rule document in force.
    Policy = "policy",
    /// A ledger.
    Ledger = "ledger",
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SubjectKind {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| ParseError::Unknown {
            what: "subject kind",
            found: text.chars().take(64).collect(),
            nearest: nearest(text, Self::ALL.iter().map(|kind| kind.as_str())),
        })
    }
}

/// Checks one part of a name: not empty, opened by a letter or digit, and nothing in it that is
/// neither `[a-z0-9_-]` nor in `extra`.
fn check(what: &'static str, text: &str, extra: &str, allowed: &'static str) -> Result<(), ParseError> {
    let Some(first) = text.chars().next() else { return Err(ParseError::Empty { what }) };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !plain(first) {
        return Err(ParseError::Character { what, found: first, allowed: "lower-case letters and digits in front" });
    }
    match text.chars().find(|&c| !plain(c) && c != '-' && c != '_' && !extra.contains(c)) {
        Some(found) => Err(ParseError::Character { what, found, allowed }),
        None => Ok(()),
    }
}

fn limit(what: &'static str, text: &str, max: usize) -> Result<(), ParseError> {
    if text.len() > max {
        return Err(ParseError::TooLong { what, max, found: text.len() });
    }
    Ok(())
}

/// Checks a ledger's origin, which may hold dots and slashes besides what a name may hold.
pub(crate) fn check_origin(text: &str) -> Result<(), ParseError> {
    limit("origin", text, 200)?;
    check("origin", text, "./", "lower-case letters, digits, '.', '-', '_' and '/'")
}

const PLAIN: &str = "lower-case letters, digits, '-' and '_'";

macro_rules! token {
    ($(#[$meta:meta])* $type:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

token! {
    /// A name: 1 to 128 lower-case letters, digits, `-` and `_`, opened by a letter or digit.
    Name
}

impl FromStr for Name {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        limit("name", text, 128)?;
        check("name", text, "", PLAIN)?;
        Ok(Self(text.to_owned()))
    }
}

text_form!(Name, "a name such as pd-scorecard", { "pattern": "^[a-z0-9][a-z0-9_-]*$", "maxLength": 128 });

token! {
    /// A namespace: names nested with `/`, such as `credit/retail`; at most 256 bytes.
    Namespace
}

impl FromStr for Namespace {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        limit("namespace", text, 256)?;
        text.split('/').try_for_each(|segment| check("namespace", segment, "", PLAIN))?;
        Ok(Self(text.to_owned()))
    }
}

text_form!(Namespace, "a namespace such as credit/retail", {
    "pattern": "^[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*$", "maxLength": 256
});

token! {
    /// A version: 1 to 128 lower-case letters, digits, `-`, `_` and `.`, opened by a letter or
    /// digit. It orders nothing; `3.10.0` and `2025-06-01` are just names.
    Version
}

impl FromStr for Version {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        limit("version", text, 128)?;
        check("version", text, ".", "lower-case letters, digits, '-', '_' and '.'")?;
        Ok(Self(text.to_owned()))
    }
}

text_form!(Version, "a version such as 3.1.0", { "pattern": "^[a-z0-9][a-z0-9_.-]*$", "maxLength": 128 });
