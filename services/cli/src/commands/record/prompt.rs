//! Whether there is a person to ask, and plain questions to them: a line each, so that the terminal's
//! own editing works, nothing is left half written, and Ctrl-D leaves.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::Result;
use probity_terminal::{errln, fold};

/// As wide as a text is folded at most.
const WIDTH: usize = 100;

/// Whether a person can be asked.
pub(crate) fn at_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Says something, folded between words.
pub(super) fn say(text: &str) {
    let width = probity_terminal::width().unwrap_or(80).min(WIDTH);
    for line in fold(text, width) {
        errln!("{line}");
    }
}

/// A line from the person; none where they left.
pub(super) fn line(question: &str) -> Result<Option<String>> {
    let mut screen = io::stderr().lock();
    write!(screen, "{}: ", probity_schemas::shown(question))?;
    screen.flush()?;
    let mut answer = String::new();
    if io::stdin().lock().read_line(&mut answer)? == 0 {
        // The question is not left half a line.
        writeln!(screen)?;
        return Ok(None);
    }
    Ok(Some(answer.trim().to_owned()))
}

/// Yes or no; no, where the person left.
pub(crate) fn yes(question: &str) -> Result<bool> {
    loop {
        let answer = line(&format!("{question} [y/N]"))?;
        match answer.unwrap_or_default().to_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "" | "n" | "no" => return Ok(false),
            _ => errln!("y or n; nothing else is one of them."),
        }
    }
}

/// The places of those of several that an answer names, by number, word, or the beginning of one
/// word.
pub(super) fn named(answer: &str, items: &[&str]) -> Option<usize> {
    let by_number =
        answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1)).filter(|at| *at < items.len());
    let by_word = || items.iter().position(|item| *item == answer);
    let by_beginning =
        || match items.iter().enumerate().filter(|(_, item)| item.starts_with(answer)).collect::<Vec<_>>()[..] {
            [(at, _)] if !answer.is_empty() => Some(at),
            _ => None,
        };
    by_number.or_else(by_word).or_else(by_beginning)
}

/// One of several; none where the person left.
pub(super) fn choose(question: &str, items: &[String]) -> Result<Option<usize>> {
    let words: Vec<&str> = items.iter().map(|item| item.split_whitespace().next().unwrap_or_default()).collect();
    for (at, item) in items.iter().enumerate() {
        errln!("{:>4}  {}", at + 1, item.trim());
    }
    loop {
        let Some(answer) = line(&format!("{question} (number or word)"))? else { return Ok(None) };
        match named(&answer, &words) {
            Some(at) => return Ok(Some(at)),
            None => errln!("{answer:?} is none of them."),
        }
    }
}
