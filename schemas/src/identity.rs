//! Who signs.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::{Name, ParseError, Subject, SubjectKind};

/// Someone or something that can sign.
///
/// A person is an opaque identifier: the record never holds a name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// `person:<uuid>`
    Person(Uuid),
    /// `service:<name>`
    Service(Name),
    /// `ledger:<origin>`: a ledger, speaking for itself.
    Ledger(Origin),
}

impl Identity {
    /// The subject of events about this identity: `identity:person/<uuid>` or
    /// `identity:service/<name>`. A ledger is its own subject, [`Subject::this_ledger`], whatever
    /// its origin.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Person(id) => Subject::of_identity("person", &id.hyphenated().to_string()),
            Self::Service(name) => Subject::of_identity("service", name.as_str()),
            Self::Ledger(_) => Subject::this_ledger(),
        }
    }

    /// The identity an `identity:` subject names; `None` for any other subject.
    pub fn from_subject(subject: &Subject) -> Option<Self> {
        if subject.kind != SubjectKind::Identity || subject.version.is_some() {
            return None;
        }
        match subject.namespace.as_str() {
            "person" => person(subject.name.as_str()).map(Self::Person),
            "service" => Some(Self::Service(subject.name.clone())),
            _ => None,
        }
    }
}

/// Reads a UUID in its one spelling: lower case, with hyphens.
pub(crate) fn canonical_uuid(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (id.hyphenated().encode_lower(&mut buffer) == text).then_some(id)
}

fn person(text: &str) -> Option<Uuid> {
    canonical_uuid(text).filter(|id| !id.is_nil())
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(f, "person:{}", id.hyphenated()),
            Self::Service(name) => write!(f, "service:{name}"),
            Self::Ledger(origin) => write!(f, "ledger:{origin}"),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Identity {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const FORM: ParseError =
            ParseError::Form { what: "identity", expected: "person:<uuid>, service:<name> or ledger:<origin>" };
        let (kind, rest) = text.split_once(':').ok_or(FORM)?;
        match kind {
            "person" => person(rest).map(Self::Person).ok_or(FORM),
            "service" => rest.parse().map(Self::Service),
            "ledger" => rest.parse().map(Self::Ledger),
            _ => Err(FORM),
        }
    }
}

text_form!(Identity, "an identity: person:<uuid>, service:<name> or ledger:<origin>", {
    "pattern": "^(person:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|service:[a-z0-9][a-z0-9_-]*|ledger:[a-z0-9][a-z0-9./_-]*)$"
});

/// The name of a ledger as it stands in its checkpoints (C2SP tlog-checkpoint): a URL without
/// scheme, such as `probity.example.com/credit`.
///
/// Narrower than C2SP asks: lower-case letters, digits, `.`, `-`, `_` and `/`, opened by a letter
/// or digit, at most 200 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

impl Origin {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        crate::subject::check_origin(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for Origin {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

text_form!(Origin, "a ledger's origin such as probity.example.com/credit", {
    "pattern": "^[a-z0-9][a-z0-9./_-]*$", "maxLength": 200
});
