//! Callers and their reading rights.

use std::fmt;

use probity_schemas::{Identity, Namespace, NamespacePattern};

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A process on this machine, over loopback without TLS: its operator, who can read the files
    /// anyway.
    Local,
    /// The identity that the caller's certificate is mapped to.
    Identified(Identity),
    /// A certificate of a trusted authority that is mapped to no identity.
    Unmapped,
}

/// What a caller sees of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    Everything,
    /// Records about subjects in these namespaces.
    Namespaces(Vec<NamespacePattern>),
}

impl Scope {
    /// The scope of someone who holds roles in these namespaces.
    #[must_use]
    pub fn of(patterns: Vec<NamespacePattern>) -> Self {
        if patterns.contains(&NamespacePattern::All) { Self::Everything } else { Self::Namespaces(patterns) }
    }

    /// Whether it covers a namespace.
    #[must_use]
    pub fn covers(&self, namespace: &Namespace) -> bool {
        match self {
            Self::Everything => true,
            Self::Namespaces(patterns) => patterns.iter().any(|pattern| pattern.covers(namespace)),
        }
    }

    /// A text without what it says of subjects outside: each name of one, such as
    /// `endpoint:fraud/score`, is replaced by `hidden`.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        if *self == Self::Everything {
            return text.to_owned();
        }
        let in_name = |c: char| c.is_alphanumeric() || matches!(c, ':' | '/' | '@' | '-' | '_' | '.' | '+' | '~');
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(in_name) {
            let (before, from) = rest.split_at(start);
            let end = from.find(|c| !in_name(c)).unwrap_or(from.len());
            let (word, after) = from.split_at(end);
            // A sentence may end right behind a name.
            let name = word.trim_end_matches(['.', ':', '-']);
            let hidden = is_subject(name) && !self.covers_subject(name);
            shown.push_str(before);
            shown.push_str(if hidden { HIDDEN } else { name });
            shown.push_str(&word[name.len()..]);
            rest = after;
        }
        shown.push_str(rest);
        shown
    }

    /// Makes sure that something in the namespaces that were asked for may be seen at all.
    ///
    /// # Errors
    /// [`AccessDenied::OutOfSight`] where none of them is covered.
    pub fn reaches(&self, asked: Option<&NamespacePattern>) -> Result<(), AccessDenied> {
        let (Self::Namespaces(patterns), Some(asked)) = (self, asked) else { return Ok(()) };
        let meets = |pattern: &NamespacePattern| match (pattern, asked) {
            (NamespacePattern::All, _) | (_, NamespacePattern::All) => true,
            (
                NamespacePattern::Exactly(held) | NamespacePattern::Within(held),
                NamespacePattern::Exactly(root) | NamespacePattern::Within(root),
            ) => asked.covers(held) || pattern.covers(root),
        };
        match patterns.iter().any(meets) {
            true => Ok(()),
            false => Err(AccessDenied::OutOfSight { asked: asked.to_string() }),
        }
    }

    /// The namespaces that were asked for and may be seen, as patterns of which none is within another.
    #[must_use]
    pub fn within(&self, asked: Option<&NamespacePattern>) -> Vec<NamespacePattern> {
        let asked = asked.cloned().unwrap_or(NamespacePattern::All);
        let Self::Namespaces(held) = self else { return vec![asked] };
        let meeting = held.iter().filter_map(|held| match (held.includes(&asked), asked.includes(held)) {
            (true, _) => Some(&asked),
            (_, true) => Some(held),
            _ => None,
        });
        let mut patterns: Vec<NamespacePattern> = Vec::new();
        for pattern in meeting {
            if !patterns.iter().any(|known| known.includes(pattern)) {
                patterns.retain(|known| !pattern.includes(known));
                patterns.push(pattern.clone());
            }
        }
        patterns
    }

    /// Makes sure that a subject may be seen.
    ///
    /// # Errors
    /// [`AccessDenied::OutOfSight`] where it may not.
    pub fn must_cover(&self, subject: &str) -> Result<(), AccessDenied> {
        match subject.is_empty() || self.covers_subject(subject) {
            true => Ok(()),
            false => Err(AccessDenied::OutOfSight { asked: subject.to_owned() }),
        }
    }

    /// Whether it covers a subject, given as text such as `model:credit/pd@3`.
    #[must_use]
    pub fn covers_subject(&self, subject: &str) -> bool {
        let namespace =
            subject.split_once(':').and_then(|(_, path)| path.rsplit_once('/')).map(|(namespace, _)| namespace);
        match self {
            Self::Everything => true,
            Self::Namespaces(_) => {
                namespace.and_then(|namespace| namespace.parse().ok()).is_some_and(|namespace| self.covers(&namespace))
            }
        }
    }
}

/// What stands for a subject that the caller may not see.
pub const HIDDEN: &str = "hidden";

/// Whether a word is the name of something that views show by its namespace, such as `model:credit/pd@3`.
/// People, policies and the ledger itself are not.
#[must_use]
pub fn is_subject(word: &str) -> bool {
    const KINDS: [&str; 5] = ["model", "usecase", "dataset", "endpoint", "supplier"];
    word.split_once(':').is_some_and(|(kind, path)| KINDS.contains(&kind) && path.contains('/'))
}

/// Someone who is enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub identity: Identity,
    /// The roles that are held: which, where, and until when in Unix milliseconds.
    pub roles: Vec<(String, Vec<NamespacePattern>, Option<u64>)>,
    /// For a service, the persons responsible for it.
    pub responsible: Vec<Identity>,
    /// The last moment of someone who has left, in Unix milliseconds.
    pub departed_ms: Option<u64>,
    /// Whether there is a key that may still sign.
    pub has_key: bool,
}

/// The ledger's present state, as far as queries need it: the roles that the log gives to
/// identities, and the number of statements.
pub trait Access: fmt::Debug + Send + Sync {
    /// The namespaces in which `identity` holds a role at this time (Unix seconds).
    fn namespaces(&self, identity: &Identity, now: u64) -> Vec<NamespacePattern>;

    /// The roles that `identity` holds in a namespace at this time (Unix seconds).
    fn roles(&self, identity: &Identity, namespace: &Namespace, now: u64) -> Vec<String>;

    /// The roles in which `identity` may record events of a type in a namespace at this time (Unix
    /// seconds), by the policy in force; none for a type that there is not.
    fn roles_for(&self, identity: &Identity, event_type: &str, namespace: &Namespace, now: u64) -> Vec<String>;

    /// Everyone who is enrolled, with the roles that hold at this time (Unix seconds).
    fn roster(&self, now: u64) -> Vec<Member>;

    /// How many statements the ledger has, as far as this process knows.
    fn tree_size(&self) -> u64;
}

/// Why a caller sees nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessDenied {
    /// The caller's certificate is mapped to no identity.
    #[error("the client certificate is mapped to no identity; add it to [[access.certificate]]")]
    Unidentified,
    /// The identity holds no role, has left, or has no key that counts.
    #[error("{identity} holds no role in any namespace, has left or has no valid key, so there is nothing to see")]
    NoRole {
        /// The caller.
        identity: Identity,
    },
    /// What was asked about is in namespaces in which the caller holds no role.
    #[error("you hold no role that covers {asked}, so you may not see what is there")]
    OutOfSight {
        /// The namespaces, or the subject.
        asked: String,
    },
    /// What waits for someone else is theirs to see.
    #[error("what waits for {identity} is for them, and for those who see all namespaces")]
    NotYours {
        /// Whose it is.
        identity: Identity,
    },
}

/// What `caller` may see at this time (Unix seconds).
///
/// # Errors
/// Nothing at all.
pub fn scope_of(access: &dyn Access, caller: &Caller, now: u64) -> Result<Scope, AccessDenied> {
    match caller {
        Caller::Local => Ok(Scope::Everything),
        Caller::Unmapped => Err(AccessDenied::Unidentified),
        Caller::Identified(identity) => match access.namespaces(identity, now) {
            patterns if patterns.is_empty() => Err(AccessDenied::NoRole { identity: identity.clone() }),
            patterns => Ok(Scope::of(patterns)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_narrowed_to_what_may_be_seen() {
        let scope =
            Scope::of(["credit/*", "credit/eu", "fraud", "hr/a"].map(|pattern| pattern.parse().unwrap()).to_vec());
        let within = |asked: &str| {
            let patterns = scope.within(Some(&asked.parse().unwrap()));
            patterns.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(within("*"), ["credit/*", "fraud", "hr/a"]);
        assert_eq!(within("credit/eu"), ["credit/eu"]);
        assert_eq!(within("hr/*"), ["hr/a"]);
        assert_eq!(within("ops"), [""; 0]);
        assert_eq!(Scope::Everything.within(None), [NamespacePattern::All]);
    }

    #[test]
    fn a_text_names_nothing_that_is_out_of_sight() {
        let scope = Scope::of(vec!["credit/*".parse().unwrap()]);
        for (text, shown) in [
            ("model:credit/pd@3 serves at endpoint:fraud/eu/score.", "model:credit/pd@3 serves at hidden."),
            ("endpoint:fraud/score: no approval", "hidden: no approval"),
            ("(dataset:hr/people@2)", "(hidden)"),
            (
                "of usecase:credit/cards, since 2024-01-01: overdue",
                "of usecase:credit/cards, since 2024-01-01: overdue",
            ),
            (
                "person:00000000-0000-4000-8000-000000000001 owns it",
                "person:00000000-0000-4000-8000-000000000001 owns it",
            ),
        ] {
            assert_eq!(scope.redact(text), shown);
            assert_eq!(Scope::Everything.redact(text), text);
        }
    }
}
