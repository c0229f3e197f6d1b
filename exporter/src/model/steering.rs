//! Characters that reorder the text around them.

use std::fmt::Write as _;

/// A text for people, in which no name can reorder what stands around it or hide in it (Unicode Standard Annex 9, table of
/// explicit formatting characters).
pub(crate) fn without_steering(text: String) -> String {
    if !is_steered(&text) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            let _ = write!(shown, "⟨U+{:04X}⟩", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Nearly all of a page is ASCII, and looking at a byte costs a quarter of looking at a character.
fn is_steered(text: &str) -> bool {
    let begins_with = |at| text.get(at..).and_then(|rest| rest.chars().next()).is_some_and(steers);
    text.bytes().enumerate().any(|(at, byte)| !byte.is_ascii() && begins_with(at))
}

fn steers(character: char) -> bool {
    matches!(character, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::without_steering;

    #[test]
    fn what_reorders_a_text_is_shown_and_reorders_nothing() {
        for (text, shown) in [
            ("\u{202E}GNP.EXE polls", "⟨U+202E⟩GNP.EXE polls"),
            ("a\u{2066}b\u{2069}\u{61C}", "a⟨U+2066⟩b⟨U+2069⟩⟨U+061C⟩"),
            ("שרת ▲ 東京", "שרת ▲ 東京"),
        ] {
            assert_eq!(without_steering(text.to_owned()), shown);
        }
    }
}
