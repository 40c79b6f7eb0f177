//! Reading a pack: everything that is wrong with it, at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use probity_schemas::{Name, catalogue, nearest, newest};
use sha2::{Digest as _, Sha256};
use toml::Spanned;
use toml::value::Datetime;

use super::written::{Head, Written, WrittenControl};
use super::{CONTROLS_MAX, Control, PACK_MAX, Pack, PackFault};
use crate::language::check::Names;
use crate::language::parse::RuleFault;
use crate::language::term::{Definition, Literal, Term};

impl Pack {
    /// Reads and checks a pack.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order in which it stands there.
    pub fn load(text: &str) -> Result<Self, Vec<PackFault>> {
        if text.len() > PACK_MAX {
            let message = format!(
                "the pack has {} bytes, at most {PACK_MAX} are allowed: it is embedded in one statement",
                text.len()
            );
            return Err(vec![PackFault::at("", 0, message)]);
        }
        let written: Written = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            vec![PackFault::at(text, at, error.message())]
        })?;
        let mut reader = Reader { text, faults: Vec::new() };
        let names = reader.names(&written);
        reader.head(&written.pack);
        let controls = reader.controls(&names, &written.control);
        let Reader { mut faults, .. } = reader;
        if !faults.is_empty() {
            faults.sort_by_key(|fault| (fault.line, fault.column));
            return Err(faults);
        }
        let Head { name, edition, title, jurisdiction, sources, not_covered } = written.pack;
        Ok(Self {
            name: name.into_inner(),
            edition: edition.into_inner(),
            title: title.into_inner(),
            jurisdiction,
            sources: sources.into_inner(),
            not_covered: not_covered.into_inner(),
            interpretations: plain(written.interpretation),
            parameters: plain(written.parameter),
            controls,
            digest: format!("sha256:{}", hex(&Sha256::digest(text.as_bytes()))),
        })
    }
}

fn plain<V>(named: BTreeMap<Spanned<String>, V>) -> BTreeMap<String, V> {
    named.into_iter().map(|(name, value)| (name.into_inner(), value)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Reader<'t> {
    text: &'t str,
    faults: Vec<PackFault>,
}

impl<'t> Reader<'t> {
    fn fault(&mut self, at: usize, message: impl Into<String>) {
        self.faults.push(PackFault::at(self.text, at, message));
    }

    fn is_there(&mut self, text: &Spanned<String>, what: &str) {
        if text.get_ref().trim().is_empty() {
            self.fault(text.span().start, format!("{what} is empty"));
        }
    }

    fn head(&mut self, head: &Head) {
        if head.name.get_ref().parse::<Name>().is_err() {
            self.fault(head.name.span().start, "a name is lower-case letters, digits, - and _");
        }
        if head.edition.get_ref().parse::<probity_schemas::Version>().is_err() {
            self.fault(head.edition.span().start, "an edition is letters, digits, ., -, _ and +");
        }
        self.is_there(&head.title, "the title");
        if head.sources.get_ref().is_empty() {
            self.fault(head.sources.span().start, "a pack names the texts that it follows");
        }
        if head.not_covered.get_ref().is_empty() {
            self.fault(head.not_covered.span().start, "a pack says what it does not cover");
        }
    }

    /// What rules can name. A definition may name those that stand before it.
    fn names(&mut self, written: &Written) -> Names {
        let mut names = Names::default();
        for (name, parameter) in &written.parameter {
            self.identifier(name);
            names.parameters.insert(name.get_ref().clone(), Literal::Number(parameter.value));
        }
        for (name, interpretation) in &written.interpretation {
            self.identifier(name);
            names.interpretations.insert(name.get_ref().clone(), interpretation.chosen);
        }
        let mut definitions: Vec<_> = written.define.iter().collect();
        definitions.sort_by_key(|(name, _)| name.span().start);
        for (name, rule) in definitions {
            self.identifier(name);
            match names.read(rule.get_ref()) {
                Ok((term, kind)) => {
                    let definition = Definition { name: name.get_ref().clone(), term };
                    names.definitions.insert(name.get_ref().clone(), (Arc::new(definition), kind));
                }
                Err(fault) => self.rule_fault(rule, fault, None),
            }
        }
        names
    }

    fn identifier(&mut self, name: &Spanned<String>) {
        let text = name.get_ref();
        let fits = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !fits {
            self.fault(name.span().start, format!("{text} is no name for rules: lower-case letters, digits and _"));
        }
    }

    /// A fault within a rule, at its place in the pack.
    fn rule_fault(&mut self, rule: &Spanned<String>, fault: RuleFault, control: Option<&str>) {
        let written = self.text.get(rule.span()).unwrap_or_default();
        let opening = if written.starts_with("'''") || written.starts_with("\"\"\"") { 3 } else { 1 };
        let after = written.get(opening..).unwrap_or_default();
        // The first line break of a text of several lines is not part of it.
        let skipped = if opening == 3 { after.len() - after.trim_start_matches(['\r', '\n']).len() } else { 0 };
        let at = rule.span().start + opening + skipped.min(2) + fault.at;
        let fault = PackFault::at(self.text, at, fault.message);
        self.faults.push(match control {
            Some(control) => fault.of(control),
            None => fault,
        });
    }

    fn controls(&mut self, names: &Names, written: &[Spanned<WrittenControl>]) -> Vec<Control> {
        if written.is_empty() {
            self.fault(0, "a pack has at least one control: [[control]]");
        }
        if written.len() > CONTROLS_MAX {
            self.fault(0, format!("{} controls; at most {CONTROLS_MAX} are allowed", written.len()));
        }
        let mut known = BTreeSet::new();
        let mut controls = Vec::with_capacity(written.len());
        for control in written {
            let line = PackFault::at(self.text, control.span().start, "").line;
            let control = control.get_ref();
            if control.id.get_ref().parse::<Name>().is_err() {
                self.fault(control.id.span().start, "an id is lower-case letters, digits, - and _");
            }
            if !known.insert(control.id.get_ref().clone()) {
                self.fault(control.id.span().start, format!("there are two controls {}", control.id.get_ref()));
            }
            controls.extend(self.control(names, control, line));
        }
        controls
    }

    fn control(&mut self, names: &Names, control: &WrittenControl, line: usize) -> Option<Control> {
        let id = control.id.get_ref();
        let texts = [
            (&control.article, "article"),
            (&control.requirement, "requirement"),
            (&control.applies_to, "applies_to"),
            (&control.responsible, "responsible"),
            (&control.lacks, "lacks"),
        ];
        for (text, what) in texts {
            self.is_there(text, what);
        }
        if control.evidence.get_ref().is_empty() {
            self.fault(control.evidence.span().start, "a control names the event types that support it");
        }
        for event_type in control.evidence.get_ref() {
            if newest(event_type.get_ref()).is_err() {
                let found = event_type.get_ref();
                let hint = nearest(found, catalogue().map(|info| info.event_type));
                let hint = hint.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
                self.fault(event_type.span().start, format!("unknown type {found}{hint}"));
            }
        }
        let mut effective = Vec::new();
        for from in &control.effective {
            let when = from.when.as_ref().map(|when| self.condition(names, when, id));
            match (day(from.from.get_ref()), when) {
                (Some(from_ms), None) => effective.push((None, from_ms)),
                (Some(from_ms), Some(Some(when))) => effective.push((Some(when), from_ms)),
                (None, _) => {
                    self.fault(from.from.span().start, "a control is in force from a date on, such as 2027-12-02")
                }
                (_, Some(None)) => {}
            }
        }
        let applies = control.applies.as_ref().map(|applies| self.condition(names, applies, id));
        let rule = self.condition(names, &control.rule, id);
        Some(Control {
            id: id.clone(),
            article: control.article.get_ref().clone(),
            requirement: control.requirement.get_ref().clone(),
            applies_to: control.applies_to.get_ref().clone(),
            evidence: control.evidence.get_ref().iter().map(|it| it.get_ref().clone()).collect(),
            severity: control.severity,
            responsible: control.responsible.get_ref().clone(),
            lacks: control.lacks.get_ref().clone(),
            effective,
            applies: match applies {
                Some(applies) => Some(applies?),
                None => None,
            },
            rule: rule?,
            line,
        })
    }

    fn condition(&mut self, names: &Names, rule: &Spanned<String>, control: &str) -> Option<Term> {
        names.condition(rule.get_ref()).map_err(|fault| self.rule_fault(rule, fault, Some(control))).ok()
    }
}

/// The first moment of a date, in UTC.
fn day(date: &Datetime) -> Option<u64> {
    let Datetime { date: Some(date), time: None, offset: None } = date else { return None };
    let date = jiff::civil::date(i16::try_from(date.year).ok()?, date.month as i8, date.day as i8);
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    u64::try_from(midnight.timestamp().as_millisecond()).ok()
}
