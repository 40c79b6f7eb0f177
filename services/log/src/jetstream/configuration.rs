//! What the stream of a ledger is called, and how it must be configured.

use std::fmt;
use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType};

/// The names by which NATS knows a ledger, made from its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamName {
    /// The stream: `PROBITY_<LEDGER>_BLOCKS`.
    pub stream: String,
    /// The subject that blocks are published on: `probity.<ledger>.blocks`.
    pub subject: String,
    /// The subject on which the active registrar says that it is there: `probity.<ledger>.active`.
    pub active: String,
    /// The subject on which anyone asks who is active: `probity.<ledger>.who`.
    pub who: String,
}

impl StreamName {
    /// The names for the ledger `origin`, whose letters and digits are kept while everything else
    /// becomes `_`.
    #[must_use]
    pub fn of(origin: &str) -> Self {
        let token: String = origin.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let (lower, upper) = (token.to_ascii_lowercase(), token.to_ascii_uppercase());
        let subject = |last: &str| format!("probity.{lower}.{last}");
        Self {
            stream: format!("PROBITY_{upper}_BLOCKS"),
            subject: subject("blocks"),
            active: subject("active"),
            who: subject("who"),
        }
    }
}

/// A setting of the stream that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The setting, as NATS calls it.
    pub setting: &'static str,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, not {}", self.setting, self.found, self.expected)
    }
}

/// The configuration the stream is created with.
pub(super) fn wanted(name: &StreamName, replicas: usize) -> Config {
    Config {
        name: name.stream.clone(),
        description: Some("The blocks of a Probity ledger. Never purge, edit or create this anew by hand.".to_owned()),
        subjects: vec![name.subject.clone()],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        num_replicas: replicas,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        deny_delete: true,
        deny_purge: true,
        ..Config::default()
    }
}

/// What differs from the configuration that the stream was created with and matters.
///
/// Left to the operator: replicas, placement, compression, description, metadata and limits on
/// consumers.
pub(super) fn drift(name: &StreamName, found: &Config) -> Vec<Drift> {
    let unlimited = |limit: i64| limit <= 0;
    let mut drift = Vec::new();
    let mut must = |setting: &'static str, holds: bool, expected: &dyn fmt::Debug, found: &dyn fmt::Debug| {
        if !holds {
            drift.push(Drift { setting, expected: format!("{expected:?}"), found: format!("{found:?}") });
        }
    };
    let wanted = wanted(name, found.num_replicas);
    must("subjects", found.subjects == wanted.subjects, &wanted.subjects, &found.subjects);
    must("storage", found.storage == wanted.storage, &wanted.storage, &found.storage);
    must("retention", found.retention == wanted.retention, &wanted.retention, &found.retention);
    must("discard", found.discard == wanted.discard, &wanted.discard, &found.discard);
    must("deny_delete", found.deny_delete, &true, &found.deny_delete);
    must("deny_purge", found.deny_purge, &true, &found.deny_purge);
    must("allow_rollup_hdrs", !found.allow_rollup, &false, &found.allow_rollup);
    must("allow_direct", !found.allow_direct, &false, &found.allow_direct);
    must("allow_msg_ttl", !found.allow_message_ttl, &false, &found.allow_message_ttl);
    must("no_ack", !found.no_ack, &false, &found.no_ack);
    must("sealed", !found.sealed, &false, &found.sealed);
    must("max_bytes", unlimited(found.max_bytes), &-1, &found.max_bytes);
    must("max_msgs", unlimited(found.max_messages), &-1, &found.max_messages);
    let per_subject = found.max_messages_per_subject;
    must("max_msgs_per_subject", unlimited(per_subject), &-1, &per_subject);
    must("max_age", found.max_age.is_zero(), &Duration::ZERO, &found.max_age);
    let size = found.max_message_size;
    must("max_msg_size", size <= 0 || size as usize > crate::MAX_BLOCK_LENGTH, &-1, &size);
    must("mirror", found.mirror.is_none(), &"none", &found.mirror);
    let sources = found.sources.as_ref().is_none_or(Vec::is_empty);
    must("sources", sources, &"none", &found.sources);
    must("republish", found.republish.is_none(), &"none", &found.republish);
    must("subject_transform", found.subject_transform.is_none(), &"none", &found.subject_transform);
    let persist = matches!(found.persist_mode, None | Some(PersistenceMode::Default));
    must("persist_mode", persist, &"default", &found.persist_mode);
    let first = found.first_sequence.is_none_or(|first| first <= 1);
    must("first_seq", first, &1, &found.first_sequence);
    drift
}
