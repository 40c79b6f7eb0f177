//! Every type of the catalogue with one thing wrong in it, and the refusal must name the place.

use probity_schemas::{Event, EventError};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::attempt::Attempt;
use crate::forge::{Forged, pick, samples};
use crate::scene::Scene;

/// The steps from the event to a value in it.
type Path = Vec<Step>;

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Field(String),
    Item(usize),
}

/// As the refusal writes it: `data.artifacts[0].digest`.
fn written(path: &[Step]) -> String {
    path.iter().fold(String::new(), |text, step| match step {
        Step::Field(name) if text.is_empty() => name.clone(),
        Step::Field(name) => format!("{text}.{name}"),
        Step::Item(at) => format!("{text}[{at}]"),
    })
}

fn at<'t>(tree: &'t mut Value, path: &[Step]) -> &'t mut Value {
    path.iter().fold(tree, |value, step| match step {
        Step::Field(name) => &mut value[name.as_str()],
        Step::Item(index) => &mut value[*index],
    })
}

/// Every value in a tree, but what is the user's own and what decides how the rest is read.
fn places(tree: &Value) -> Vec<Path> {
    fn walk(value: &Value, path: &mut Path, found: &mut Vec<Path>) {
        let mut visit = |step: Step, value: &Value| {
            path.push(step);
            found.push(path.clone());
            walk(value, path, found);
            path.pop();
        };
        match value {
            Value::Object(map) => map.iter().for_each(|(name, value)| visit(Step::Field(name.clone()), value)),
            Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| visit(Step::Item(index), item)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(tree, &mut Vec::new(), &mut found);
    let ours = |path: &Path| !["type", "v", "attributes"].iter().any(|name| path[0] == Step::Field((*name).to_owned()));
    found.retain(ours);
    found
}

/// Whether a changed event is wrong at all: a user's own object takes anything.
fn is_wrong(tree: &Value) -> bool {
    Event::from_value(tree).is_err()
}

/// Values of another type, fields too many and too few.
pub(crate) fn wrong(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for sample in samples(random) {
        let kind = sample["type"].as_str().unwrap().to_owned();
        let mut push = |what: &str, tree: Value, reasons, says: Vec<(&'static str, String)>| {
            if is_wrong(&tree) {
                let statement = Forged::new(scene.who("jack"), &tree).sealed();
                let attempt = Attempt::new(format!("{kind}: {what}"), statement, reasons);
                attempts.push(says.into_iter().fold(attempt, |attempt, (key, value)| attempt.says(key, value)));
            }
        };
        for path in places(&sample) {
            let here = written(&path);
            let mut changed = sample.clone();
            let value = at(&mut changed, &path);
            let others: &[Value] = match value {
                Value::Bool(_) => &[json!("true"), json!(1)],
                Value::Number(_) => &[json!("1"), json!(true), json!([]), json!({ "a": 1 })],
                Value::String(_) => &[json!(1), json!(false), json!([]), json!({})],
                Value::Array(_) => &[json!({}), json!("a"), json!(1)],
                _ => &[json!([]), json!("a"), json!(1)],
            };
            *value = pick(others, random).clone();
            push(&format!("another type at {here}"), changed, SHAPE, vec![("path", here.clone())]);
        }
        let mut objects: Vec<Path> = vec![Vec::new()];
        objects.extend(places(&sample).into_iter().filter(|path| at(&mut sample.clone(), path).is_object()));
        for path in objects {
            let here = written(&path);
            let mut changed = sample.clone();
            at(&mut changed, &path)["extra_field"] = json!(1);
            let says = vec![("path", here.clone()), ("field", "extra_field".to_owned())];
            let (reasons, says) = if kind == "policy.published" { (IN_POLICY, Vec::new()) } else { (UNKNOWN, says) };
            push(&format!("unknown field in {here:?}"), changed, reasons, says);
            let names: Vec<String> = at(&mut sample.clone(), &path).as_object().unwrap().keys().cloned().collect();
            for name in names.into_iter().filter(|name| !["type", "v"].contains(&name.as_str())) {
                let mut changed = sample.clone();
                at(&mut changed, &path).as_object_mut().unwrap().remove(&name);
                push(&format!("no {name} in {here:?}"), changed, MISSING, vec![]);
            }
        }
        let mut changed = sample.clone();
        changed["v"] = json!(random.random_range(2..=u32::MAX));
        push("a version of the future", changed, &["UNSUPPORTED_VERSION"], vec![("type", kind.clone())]);
        let mut changed = sample.clone();
        changed["subject"]["kind"] = json!(if sample["subject"]["kind"] == "supplier" { "model" } else { "supplier" });
        push("a subject of another kind", changed, &["WRONG_SUBJECT_KIND", "FIELD_REFUSED"], vec![]);
    }
    attempts
}

/// One of these: what the type makes of a value of another shape, in its own words.
const SHAPE: &[&str] = &["WRONG_SHAPE", "FIELD_REFUSED", "UNKNOWN_VALUE", "MISSING_FIELD", "UNKNOWN_FIELD"];
/// Roles and attributes have the names that their users give them, and then another value than theirs is what is wrong.
const IN_POLICY: &[&str] = &["UNKNOWN_FIELD", "WRONG_SHAPE"];
const UNKNOWN: &[&str] = &["UNKNOWN_FIELD"];
const MISSING: &[&str] = &["MISSING_FIELD", "ACT_WITHOUT_TIME", "FIELD_REFUSED"];

/// A word with one slip of the hand in it.
fn slipped(word: &str, random: &mut StdRng) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = random.random_range(0..letters.len());
    match random.random_range(0..2) {
        0 => letters.insert(at, letters[at]),
        _ => letters[at] = if letters[at] == 'x' { 'z' } else { 'x' },
    }
    letters.into_iter().collect()
}

/// Names and words with a slip: the refusal says which one is nearest.
pub(crate) fn misspelt(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for sample in samples(random) {
        let kind = sample["type"].as_str().unwrap().to_owned();
        let mut push = |what: String, tree: &Value, reasons, nearest: &str| {
            let statement = Forged::new(scene.who("jack"), tree).sealed();
            attempts.push(Attempt::new(format!("{kind}: {what}"), statement, reasons).says("nearest", nearest));
        };
        let mut changed = sample.clone();
        changed["type"] = json!(slipped(&kind, random));
        if probity_schemas::newest(changed["type"].as_str().unwrap()).is_err() {
            push(format!("type {}", changed["type"]), &changed, &["UNKNOWN_TYPE"], &kind);
        }
        for path in places(&sample) {
            let Some(Step::Field(name)) = path.last().cloned() else { continue };
            let word = slipped(&name, random);
            let mut changed = sample.clone();
            let parent = at(&mut changed, &path[..path.len() - 1]).as_object_mut().unwrap();
            if name.len() < 4 || parent.contains_key(&word) {
                continue;
            }
            let value = parent.remove(&name).unwrap();
            parent.insert(word.clone(), value);
            // Only where names are ours; a policy's roles are not.
            if let Err(EventError::UnknownField { .. }) = Event::from_value(&changed) {
                push(format!("{word} for {name} at {}", written(&path)), &changed, UNKNOWN, &name);
            }
        }
        for path in places(&sample) {
            let mut changed = sample.clone();
            let value = at(&mut changed, &path);
            let Some(word) = value.as_str().map(str::to_owned) else { continue };
            *value = json!(slipped(&word, random));
            // Only where the words are a closed set.
            if let Err(EventError::UnknownValue { nearest: Some(_), .. }) = Event::from_value(&changed) {
                push(
                    format!("{} at {}", at(&mut changed, &path).clone(), written(&path)),
                    &changed,
                    &["UNKNOWN_VALUE"],
                    &word,
                );
            }
        }
    }
    attempts
}

/// Numbers that are too large, too small, or not whole, and times that nobody lives to see.
pub(crate) fn numbers(scene: &Scene, random: &mut StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let huge = [
        json!(u64::MAX),
        json!(253_402_300_800_000_u64),
        json!(i64::MIN),
        json!(-1),
        json!(1e300),
        json!(-1e300),
        json!(0.5),
        json!(5e-324),
        json!([1, 0]),
        json!([1, 1]),
        json!([1, 2, 3]),
        json!([1]),
    ];
    for sample in samples(random) {
        let kind = sample["type"].as_str().unwrap().to_owned();
        for path in places(&sample).into_iter().filter(|path| at(&mut sample.clone(), path).is_number()) {
            for number in &huge {
                let mut changed = sample.clone();
                *at(&mut changed, &path) = number.clone();
                if is_wrong(&changed) {
                    let here = written(&path);
                    let statement = Forged::new(scene.who("jack"), &changed).sealed();
                    let what = format!("{kind}: {number} at {here}");
                    attempts.push(Attempt::new(what, statement, &["WRONG_SHAPE", "FIELD_REFUSED", "ACT_WITHOUT_TIME"]));
                }
            }
        }
    }
    attempts
}
