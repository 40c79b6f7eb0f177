//! The state machine.

use std::sync::Arc;

use probity_domain::authority::{Authority, Enrolee};
use probity_domain::{Signed, SignedBy};
use probity_schemas::attestation::AttestationEvent;
use probity_schemas::authority::{AuthorityEvent, SignerKind};
use probity_schemas::ledger::LedgerEvent;
use probity_schemas::policy::{PolicyEvent, Published};
use probity_schemas::{Data, Event, EventId, Identity, Namespace, NamespacePattern, Origin, TypeInfo};
use probity_statement::{Keyring, PublicKey, SignedStatement};

use crate::authority::Checks as _;
use crate::domain::{DomainMark, DomainState};
use crate::history::History;
use crate::policies::Policies;
use crate::refusal::Refusal;
use crate::rules::{self, RuleContext};
use crate::snapshot::SnapshotError;
use crate::violation::RuleViolation;
use crate::{KNOWN_RULE_SETS, RULES_OF_POWER};

/// Where a statement would stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Its index in the log.
    pub index: u64,
    /// The time of its block in Unix seconds.
    pub block_time: u64,
}

/// A statement that asks to be recorded. Its signature has been verified with the key it names.
#[derive(Debug, Clone, Copy)]
pub struct Submitted<'a> {
    /// The statement.
    pub statement: &'a SignedStatement,
    /// Its event, decoded.
    pub event: &'a Event,
    /// How many statements the submitter expects about the subject, if it matters to them.
    pub expected_revision: Option<u64>,
}

/// What became of a statement that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It belongs at this position; the state is the one after it.
    Admitted(Admitted),
    /// An event of this issuer and id stands at `index`. Whether it is the same statement, its bytes say.
    AlreadyRecorded {
        /// The position of the earlier event.
        index: u64,
    },
}

/// What the history learns of an admitted statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    /// The issuer's number, in order of enrolment.
    pub issuer: u32,
    /// The event's id.
    pub id: EventId,
    /// How many statements there are about the subject, this one included.
    pub revision: u64,
}

/// Why a statement was not admitted.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError<E> {
    /// It may not be recorded.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// From here on, rules hold that this version does not know: whoever judges must stop.
    #[error("rule set {found} holds from index {index} on; this version knows {KNOWN_RULE_SETS:?}: upgrade")]
    UnknownRuleSet {
        /// The rule set.
        found: u32,
        /// The position it holds from.
        index: u64,
    },
    /// The history could not be asked.
    #[error("the history could not be read: {0}")]
    History(E),
}

/// Everything admission knows, folded from the statements so far.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) origin: Origin,
    pub(crate) rule_set: u32,
    pub(crate) authority: Arc<Authority>,
    pub(crate) policies: Arc<Policies>,
    pub(crate) domain: DomainState,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) changes: u64,
}

/// A moment of a [`State`] to go back to.
#[derive(Debug, Clone)]
pub struct Mark {
    rule_set: u32,
    authority: Arc<Authority>,
    policies: Arc<Policies>,
    keyring: Arc<Keyring>,
    domain: DomainMark,
    changes: u64,
}

impl Mark {
    /// Who may read what at that moment.
    pub fn rights(&self) -> Rights {
        Rights { authority: self.authority.clone() }
    }

    /// [`State::changes`] at that moment.
    pub fn changes(&self) -> u64 {
        self.changes
    }
}

/// Who may read what.
#[derive(Debug, Clone)]
pub struct Rights {
    authority: Arc<Authority>,
}

impl Rights {
    /// Whether an identity may read anything at this time (Unix seconds), if only what it stated itself: it
    /// has not left, and has a key that counts.
    pub fn may_read(&self, identity: &Identity, time: u64) -> bool {
        self.authority.may_read(identity, time.saturating_mul(1_000))
    }

    /// Whether an identity may read the whole ledger at this time (Unix seconds).
    pub fn may_read_all(&self, identity: &Identity, time: u64) -> bool {
        self.may_read(identity, time) && self.authority.may_read_all(identity, time.saturating_mul(1_000))
    }

    /// The namespaces in which an identity holds a role at this time (Unix seconds): what it sees of views.
    pub fn namespaces(&self, identity: &Identity, time: u64) -> Vec<NamespacePattern> {
        match self.may_read(identity, time) {
            true => self.authority.namespaces(identity, time.saturating_mul(1_000)),
            false => Vec::new(),
        }
    }

    /// Everyone who is enrolled, with the roles that hold at this time (Unix seconds).
    pub fn roster(&self, time: u64) -> Vec<Enrolee> {
        self.authority.roster(time.saturating_mul(1_000))
    }

    /// The roles in which an identity may record events of a type in a namespace at this time (Unix
    /// seconds).
    pub fn roles_for(&self, identity: &Identity, info: &TypeInfo, namespace: &Namespace, time: u64) -> Vec<String> {
        let held = self.authority.held(identity, namespace, time.saturating_mul(1_000));
        let may = held.filter(|role| self.authority.policy().may_record(role, info));
        may.map(ToString::to_string).collect()
    }

    /// The number under which an issuer's event ids are indexed.
    pub fn issuer_number(&self, identity: &Identity) -> Option<u32> {
        self.authority.number(identity)
    }

    /// The roles that an identity holds in a namespace at this time (Unix seconds).
    pub fn roles(&self, identity: &Identity, namespace: &Namespace, time: u64) -> Vec<String> {
        self.authority.held(identity, namespace, time.saturating_mul(1_000)).map(ToString::to_string).collect()
    }
}

/// Every key that may have signed something.
fn keyring(authority: &Authority) -> Keyring {
    let mut keyring = Keyring::default();
    // Only usable keys are enrolled, so none is left out.
    authority.public_keys().filter_map(|key| PublicKey::from_bytes(key.as_bytes()).ok()).for_each(|key| {
        keyring.insert(key);
    });
    keyring
}

impl State {
    pub(crate) fn new(
        origin: Origin,
        rule_set: u32,
        authority: Authority,
        policies: Policies,
        domain: DomainState,
    ) -> Self {
        let keyring = Arc::new(keyring(&authority));
        let (authority, policies) = (Arc::new(authority), Arc::new(policies));
        Self { origin, rule_set, authority, policies, domain, keyring, changes: 0 }
    }

    /// The ledger's name.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The rule set in force.
    pub fn rule_set(&self) -> u32 {
        self.rule_set
    }

    /// Every key that may have signed something.
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// Counts the statements that changed this state since it was founded or restored; while it stands still, an
    /// earlier snapshot is as good as a new one.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// How many entries each register has, and how many bytes they take in a snapshot: to explain what one takes.
    ///
    /// # Errors
    /// One cannot be encoded.
    pub fn sizes(&self) -> Result<Vec<(&'static str, usize, usize)>, SnapshotError> {
        self.domain.sizes().map_err(SnapshotError::Encode)
    }

    /// How many subjects and open items there are, by kind: what this takes in memory grows with them.
    pub fn counts(&self) -> [(&'static str, usize); 6] {
        self.domain.counts()
    }

    /// Who may read what now.
    pub fn rights(&self) -> Rights {
        Rights { authority: self.authority.clone() }
    }

    /// The present, to come back to. As long as marks are needed, changes remember what they replace: see
    /// [`Self::forget`].
    pub fn mark(&mut self) -> Mark {
        Mark {
            rule_set: self.rule_set,
            authority: self.authority.clone(),
            policies: self.policies.clone(),
            keyring: self.keyring.clone(),
            domain: self.domain.mark(),
            changes: self.changes,
        }
    }

    /// Becomes what it was at a mark.
    pub fn go_back(&mut self, mark: &Mark) {
        self.rule_set = mark.rule_set;
        self.authority = mark.authority.clone();
        self.policies = mark.policies.clone();
        self.keyring = mark.keyring.clone();
        self.domain.go_back(&mark.domain);
        // Not back to the old count: what was written down in between is not what is there now.
        self.changes += 1;
    }

    /// Marks before this one are needed no more; without one, none is.
    pub fn forget(&mut self, before: Option<&Mark>) {
        match before {
            Some(mark) => self.domain.forget(&mark.domain),
            None => self.domain.forget_all(),
        }
    }

    /// The number under which an issuer's event ids are indexed.
    pub fn issuer_number(&self, identity: &Identity) -> Option<u32> {
        self.authority.number(identity)
    }

    /// Judges a statement at its position. If it is admitted, this is the state after it; otherwise nothing changed.
    pub fn admit<H: History>(
        &mut self,
        submitted: Submitted<'_>,
        position: Position,
        history: &H,
    ) -> Result<Verdict, AdmitError<H::Error>> {
        let Submitted { statement, event, expected_revision } = submitted;
        if statement.audience() != self.origin.as_str() {
            let (expected, found) = (self.origin.to_string(), statement.audience().to_owned());
            return Err(Refusal::WrongAudience { expected, found }.into());
        }
        let (issuer, key) = self.authority.issuer(statement.issuer(), statement.kid())?;
        // Before any rule that may have changed since: what was recorded is answered for ever.
        if let Some(index) = history.event_index(issuer, &event.id).map_err(AdmitError::History)? {
            return Ok(Verdict::AlreadyRecorded { index });
        }
        self.authority.not_revoked(statement.kid())?;
        let time_ms = position.block_time.saturating_mul(1_000);
        let signed = Signed { key, index: position.index, time_ms };
        let by = SignedBy { issuer: statement.issuer(), number: issuer, subject: statement.subject(), signed };
        self.may_record(event, by)?;
        if event.info().is_act() {
            rules::timely(event, time_ms)?;
            if self.two_persons() {
                RuleContext::new(self, event, by).judge()?;
                self.attests_what_is_there(event, history)?;
            }
        }
        let revision = history.revision(statement.subject()).map_err(AdmitError::History)?;
        if let Some(expected) = expected_revision.filter(|expected| *expected != revision) {
            let subject = statement.subject().to_owned();
            return Err(Refusal::RevisionConflict { subject, expected, actual: revision }.into());
        }
        self.has_room(event, by, statement.payload().len()).map_err(Refusal::from)?;
        self.take_effect(statement, event, by)?;
        Ok(Verdict::Admitted(Admitted { issuer, id: event.id, revision: revision + 1 }))
    }

    fn may_record(&self, event: &Event, by: SignedBy<'_>) -> Result<(), Refusal> {
        let info = event.info();
        let strict = self.rule_set >= RULES_OF_POWER;
        if self.authority.is_recovery_key(&by.signed) {
            return match &event.data {
                Data::Authority(AuthorityEvent::Enrolled(enrolled)) if enrolled.kind == SignerKind::Person => Ok(()),
                Data::Authority(AuthorityEvent::Confirmed(_)) => Ok(()),
                _ => Err(RuleViolation::RecoveryKeyOnly.into()),
            };
        }
        match (by.issuer, &event.data) {
            // The ledger holds no roles: it speaks about itself, and founds with the policies it starts from.
            (Identity::Ledger(_), Data::Ledger(_)) => return Ok(()),
            (Identity::Ledger(_), Data::Policy(policy)) if self.is_founding(policy, by.signed.index) => return Ok(()),
            (_, Data::Ledger(_)) => return Err(Refusal::LedgerOnly { event_type: info.event_type }),
            _ => {}
        }
        let mut whose = by.issuer;
        if strict {
            self.policies.attributes(event)?;
            if info.is_act() {
                RuleContext::new(self, event, by).in_office()?;
                // Whoever signs in another's place does so with the other's roles.
                whose = event.on_behalf_of.as_ref().unwrap_or(whose);
            }
        }
        self.authority.may_record(whose, info, &event.subject.namespace, by.signed.time_ms)
    }

    /// Whether the ledger still speaks for itself, which is so in the genesis block only: it begins with roles and a gate.
    fn is_founding(&self, policy: &PolicyEvent, index: u64) -> bool {
        let PolicyEvent::Published(published) = policy;
        match published.as_ref() {
            Published::Gate(_) => self.rule_set >= RULES_OF_POWER && index == 2 && self.policies.gates().is_empty(),
            _ => index > 0 && !self.authority.has_policy(),
        }
    }

    /// Nobody attests a state of things that is not in the log.
    fn attests_what_is_there<H: History>(&self, event: &Event, history: &H) -> Result<(), AdmitError<H::Error>> {
        let Data::Attestation(AttestationEvent::Given(given)) = &event.data else { return Ok(()) };
        for attested in &given.subjects {
            let actual = history.revision(&attested.subject.to_string()).map_err(AdmitError::History)?;
            if attested.revision > actual {
                let (subject, stated) = (attested.subject.to_string(), attested.revision);
                return Err(Refusal::from(RuleViolation::RevisionAhead { subject, stated, actual }).into());
            }
        }
        Ok(())
    }

    /// Changes the state as the admitted event says. Refuses before it changes anything.
    fn take_effect<E>(
        &mut self,
        statement: &SignedStatement,
        event: &Event,
        by: SignedBy<'_>,
    ) -> Result<(), AdmitError<E>> {
        let empowered = self.empower(statement, event, by)?;
        if let Data::Ledger(LedgerEvent::RulesAdopted(adopted)) = &event.data {
            if !KNOWN_RULE_SETS.contains(&adopted.rule_set) {
                return Err(AdmitError::UnknownRuleSet { found: adopted.rule_set, index: by.signed.index });
            }
            if adopted.rule_set < self.rule_set {
                let (present, found) = (self.rule_set, adopted.rule_set);
                return Err(Refusal::from(RuleViolation::RulesGoBack { present, found }).into());
            }
            self.rule_set = adopted.rule_set;
        }
        let lived = self.live(event, by, statement.payload());
        let adopted = matches!(&event.data, Data::Ledger(LedgerEvent::RulesAdopted(_)));
        self.changes += u64::from(empowered || lived || adopted);
        Ok(())
    }

    /// Folds the event into what is known of models, uses, endpoints and open items.
    fn live(&mut self, event: &Event, by: SignedBy<'_>, payload: &[u8]) -> bool {
        use probity_schemas::approval::ApprovalEvent as Approval;
        use probity_schemas::deployment::DeploymentEvent as Deployment;
        use probity_schemas::exception::ExceptionEvent as Exception;
        // What a signature fills, and which plan let a version through, is seen from before the act.
        match &event.data {
            Data::Approval(Approval::Granted(granted)) => {
                if let Some(grant) = RuleContext::new(self, event, by).signature(granted) {
                    self.domain.sign_request(event, by, &self.authority, grant);
                }
            }
            Data::Exception(Exception::Granted(_)) if RuleContext::new(self, event, by).fills_the_places() => {
                self.domain.fold(event, by, &self.authority, payload);
                self.domain.close(event, by);
                return true;
            }
            Data::Deployment(Deployment::Authorized(authorized)) => {
                if let Some((plan, version)) = RuleContext::new(self, event, by).used_plan(authorized) {
                    self.domain.cover(plan, version, authorized.digest);
                }
            }
            _ => {}
        }
        self.domain.fold(event, by, &self.authority, payload)
    }
}
