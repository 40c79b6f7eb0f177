//! Characters that are not what they seem, and texts as they may be shown anywhere.

use std::borrow::Cow;

/// Whether a character makes a text show something else than it says: a control character, which a
/// terminal obeys; a format character (Unicode Cf) that is not seen or reorders its neighbours; a
/// separator of lines or paragraphs. The joiners U+200C and U+200D, which scripts need, do not.
#[must_use]
pub fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0001}'
                | '\u{e0020}'..='\u{e007f}'
        )
}

/// A text with everything written out that [`deceives`]: U+202E is shown as `\u{202e}`.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(deceives) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match deceives(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// A text as a cell of a file that spreadsheets open: nothing in it is taken for a formula, and what
/// deceives is written out. Numbers stay numbers, negative ones too.
#[must_use]
pub fn spreadsheet_cell(text: &str) -> Cow<'_, str> {
    // A line end within a cell is one.
    let seen = match text.contains(|c: char| c != '\n' && deceives(c)) {
        true => Cow::Owned(text.split('\n').map(shown).collect::<Vec<_>>().join("\n")),
        false => Cow::Borrowed(text),
    };
    let begins = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r');
    let formula = seen.trim_start().starts_with(begins) && seen.trim().parse::<f64>().is_err();
    match formula {
        true => Cow::Owned(format!("'{seen}")),
        false => seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_or_turns_the_reading_is_written_out() {
        for (text, expected) in [
            ("pay\u{202e}lla", "pay\\u{202e}lla"),
            ("\u{2066}x\u{2069}\u{feff}", "\\u{2066}x\\u{2069}\\u{feff}"),
            ("cre\u{200b}d\u{ad}it", "cre\\u{200b}d\\u{ad}it"),
            ("a\tb\rc\nd\u{1b}[2J\u{9b}", "a\\u{9}b\\u{d}c\\u{a}d\\u{1b}[2J\\u{9b}"),
            ("Müller · 信用 · क्‍ष · می‌خواهم", "Müller · 信用 · क्‍ष · می‌خواهم"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }
}
