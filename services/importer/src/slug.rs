//! Names for subjects, out of whatever people call things.

use crate::cell::normalised;
use crate::digest::short_hash;

/// The longest name that is made of a text; what the vocabulary allows is longer.
const LONGEST: usize = 80;
/// How many hexadecimal digits tell apart what would otherwise be called the same.
const HASH: usize = 8;

/// A text as a name: lower-case letters and digits, everything else one `-`.
///
/// A text that is too long, or of which no letter is left, ends with a hash of the whole.
pub(crate) fn slug(text: &str) -> String {
    let text = &*normalised(text);
    let mut name = String::new();
    for character in text.chars().flat_map(char::to_lowercase) {
        match character {
            'a'..='z' | '0'..='9' => name.push(character),
            _ => match ascii(character) {
                Some(letters) => name.push_str(letters),
                None if name.ends_with('-') || name.is_empty() => {}
                // An apostrophe doesn't part a word.
                None if matches!(character, '\'' | '\u{2019}') => {}
                None => name.push('-'),
            },
        }
    }
    let name = name.trim_end_matches('-');
    match name.len() {
        0 => format!("unnamed-{}", short_hash(text, HASH)),
        length if length > LONGEST => with_hash(name, text),
        _ => name.to_owned(),
    }
}

/// A name that ends with a hash of `identity`, which tells it from others.
pub(crate) fn with_hash(name: &str, identity: &str) -> String {
    let kept = name.len().min(LONGEST - HASH - 1);
    format!("{}-{}", name[..kept].trim_end_matches('-'), short_hash(identity, HASH))
}

/// How Latin letters with marks are written without.
fn ascii(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'č' => "c",
        'ď' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ę' | 'ě' => "e",
        'ì' | 'í' | 'î' | 'ï' | 'ī' => "i",
        'ł' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ō' => "o",
        'ö' | 'ø' | 'œ' => "oe",
        'ř' => "r",
        'ś' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ť' | 'ț' => "t",
        'ù' | 'ú' | 'û' | 'ū' | 'ů' => "u",
        'ü' => "ue",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}
