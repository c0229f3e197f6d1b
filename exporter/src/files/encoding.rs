//! The encodings in which the tools of Windows save a text: PowerShell 5.1 and Notepad write UTF-8 with a mark, or
//! UTF-16.

/// What a file holds, in UTF-8 and without a byte order mark where a mark says how it is encoded; else as it is.
pub(crate) fn unmarked(bytes: Vec<u8>) -> Vec<u8> {
    match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, rest @ ..] => rest.to_vec(),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes).unwrap_or(bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes).unwrap_or(bytes),
        _ => bytes,
    }
}

fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Vec<u8>> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    let units = pairs.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).collect::<Result<String, _>>().ok().map(String::into_bytes)
}

/// The text of a file, less a byte order mark.
///
/// # Errors
/// What is wrong with it; never a part of it.
pub(crate) fn text(bytes: Vec<u8>) -> Result<String, &'static str> {
    let text = String::from_utf8(unmarked(bytes)).map_err(|_| "is neither UTF-8 nor UTF-16 with a byte order mark")?;
    // UTF-16 of plain letters is valid UTF-8.
    if text.contains('\0') { Err("holds NUL characters, as UTF-16 without a byte order mark does") } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn what_the_tools_of_windows_save_is_read() {
        let written = "p\u{e4}ss \u{1f511}\r\n";
        let marked = format!("\u{feff}{written}");
        for bytes in
            [written.into(), marked.clone().into(), utf16(&marked, u16::to_le_bytes), utf16(&marked, u16::to_be_bytes)]
        {
            assert_eq!(text(bytes).as_deref(), Ok(written));
        }
        assert_eq!(text(Vec::new()).as_deref(), Ok(""));
    }

    #[test]
    fn what_may_be_anything_is_refused() {
        for (bytes, why) in [
            (b"p\xe4ss".to_vec(), "neither UTF-8"),
            (b"\xff\xfea".to_vec(), "neither UTF-8"),
            (b"\xff\xfe\x00\xd8".to_vec(), "neither UTF-8"),
            (utf16("pass", u16::to_le_bytes), "NUL"),
            (b"\xff\xfe\0\0p\0\0\0".to_vec(), "NUL"),
        ] {
            assert!(text(bytes.clone()).is_err_and(|wrong| wrong.contains(why)), "{bytes:?}");
        }
    }
}
