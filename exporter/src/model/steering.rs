//! Characters that reorder the text around them.

use std::fmt::Write as _;

/// A text for people, in which no name can reorder what stands around it or hide in it (Unicode Standard Annex 9, table of
/// explicit formatting characters).
pub(crate) fn without_steering(text: String) -> String {
    if !text.contains(steers) {
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
