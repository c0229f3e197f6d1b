//! The tokens of an answer: [MS-TDS] 2.2.7.

use super::types::{COLLATION, put_type_info};
use super::values::put_value;
use crate::wire::{Column, ServerError, Value};
use bytes::{BufMut, BytesMut};

const RETURN_STATUS: u8 = 0x79;
const COL_METADATA: u8 = 0x81;
const ERROR: u8 = 0xAA;
const INFO: u8 = 0xAB;
const LOGIN_ACK: u8 = 0xAD;
const FEATURE_EXT_ACK: u8 = 0xAE;
const ROW: u8 = 0xD1;
const NBC_ROW: u8 = 0xD2;
const ENV_CHANGE: u8 = 0xE3;
const DONE: u8 = 0xFD;
const DONE_PROC: u8 = 0xFE;
const DONE_IN_PROC: u8 = 0xFF;

/// Severities from here on end the connection.
pub(crate) const FIRST_FATAL_CLASS: u8 = 20;

/// Bits of DONE's status ([MS-TDS] 2.2.7.6).
pub(crate) mod done {
    pub(crate) const MORE: u16 = 0x01;
    pub(crate) const ERROR: u16 = 0x02;
    pub(crate) const COUNT: u16 = 0x10;
    pub(crate) const ATTENTION: u16 = 0x20;
    pub(crate) const SERVER_ERROR: u16 = 0x100;
}

/// Which of the three DONE tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// After a statement of a batch.
    Batch,
    /// After a statement inside a procedure.
    InProcedure,
    /// After a procedure.
    Procedure,
}

/// What DONE says that was done: a number of the server's own, of which clients know some.
pub(crate) mod command {
    pub(crate) const NONE: u16 = 0;
    pub(crate) const SELECT: u16 = 0xC1;
    pub(crate) const ATTENTION: u16 = 0xFD;
}

/// DONE, DONEINPROC or DONEPROC.
pub(crate) fn put_done(which: Done, status: u16, command: u16, rows: u64, out: &mut BytesMut) {
    out.put_u8(match which {
        Done::Batch => DONE,
        Done::InProcedure => DONE_IN_PROC,
        Done::Procedure => DONE_PROC,
    });
    out.put_u16_le(status);
    out.put_u16_le(command);
    out.put_u64_le(rows);
}

/// RETURNSTATUS: what a procedure returned.
pub(crate) fn put_return_status(status: i32, out: &mut BytesMut) {
    out.put_u8(RETURN_STATUS);
    out.put_i32_le(status);
}

/// ERROR ([MS-TDS] 2.2.7.10).
pub(crate) fn put_error(message: &ServerError, server: &str, out: &mut BytesMut) {
    put_message(ERROR, message, server, out);
}

/// INFO ([MS-TDS] 2.2.7.13).
pub(crate) fn put_info(message: &ServerError, server: &str, out: &mut BytesMut) {
    put_message(INFO, message, server, out);
}

fn put_message(token: u8, message: &ServerError, server: &str, out: &mut BytesMut) {
    out.put_u8(token);
    put_sized(out, |out| {
        put_message_head(message, server, out);
        out.put_u32_le(1);
    });
}

/// ERROR and DONE as versions before 7.2 read them: with a line number and a row count of half the size.
pub(crate) fn put_old_refusal(message: &ServerError, server: &str, out: &mut BytesMut) {
    out.put_u8(ERROR);
    put_sized(out, |out| {
        put_message_head(message, server, out);
        out.put_u16_le(1);
    });
    out.put_u8(DONE);
    out.put_u16_le(done::ERROR);
    out.put_u16_le(0);
    out.put_u32_le(0);
}

fn put_message_head(message: &ServerError, server: &str, out: &mut BytesMut) {
    out.put_u32_le(message.number);
    out.put_slice(&[message.state, message.class]);
    let (characters, text) = utf16(&message.message, usize::from(u16::MAX) / 4);
    out.put_u16_le(characters as u16);
    out.put_slice(&text);
    put_short_text(server, out);
    put_short_text("", out);
}

/// LOGINACK ([MS-TDS] 2.2.7.14).
pub(crate) fn put_login_ack(tds_version: u32, (major, minor, build): (u8, u8, u16), out: &mut BytesMut) {
    out.put_u8(LOGIN_ACK);
    put_sized(out, |out| {
        // SQL_TSQL.
        out.put_u8(1);
        out.put_u32(tds_version);
        put_short_text("Microsoft SQL Server", out);
        out.put_slice(&[major, minor]);
        out.put_u16(build);
    });
}

/// FEATUREEXTACK ([MS-TDS] 2.2.7.11) that grants no feature.
pub(crate) fn put_no_features(out: &mut BytesMut) {
    out.put_slice(&[FEATURE_EXT_ACK, 0xFF]);
}

/// ENVCHANGE ([MS-TDS] 2.2.7.9): one of the kinds whose values are text.
pub(crate) fn put_text_change(kind: TextChange, new: &str, old: &str, out: &mut BytesMut) {
    out.put_u8(ENV_CHANGE);
    put_sized(out, |out| {
        out.put_u8(kind as u8);
        put_short_text(new, out);
        put_short_text(old, out);
    });
}

/// ENVCHANGE: one of the kinds whose values are bytes.
pub(crate) fn put_binary_change(kind: BinaryChange, new: &[u8], old: &[u8], out: &mut BytesMut) {
    out.put_u8(ENV_CHANGE);
    put_sized(out, |out| {
        out.put_u8(kind as u8);
        for value in [new, old] {
            // The longest is a transaction's descriptor, 8 bytes.
            out.put_u8(value.len() as u8);
            out.put_slice(value);
        }
    });
}

/// ENVCHANGE for the collation of every connection.
pub(crate) fn put_collation(out: &mut BytesMut) {
    put_binary_change(BinaryChange::Collation, &COLLATION, &[], out);
}

/// Changes of the environment that are told as text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TextChange {
    Database = 1,
    Language = 2,
    PacketSize = 4,
}

/// Changes of the environment that are told as bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum BinaryChange {
    Collation = 7,
    Begin = 8,
    Commit = 9,
    Rollback = 10,
    Reset = 18,
}

/// COLMETADATA ([MS-TDS] 2.2.7.4).
pub(crate) fn put_columns(columns: &[Column], out: &mut BytesMut) {
    out.put_u8(COL_METADATA);
    // SQL Server allows 4,096 columns in a SELECT.
    out.put_u16_le(columns.len() as u16);
    for column in columns {
        out.put_u32_le(0);
        // Whether it can be updated is unknown, as for every computed column.
        out.put_u16_le(u16::from(column.nullable) | 0x0008);
        put_type_info(column, out);
        put_short_text(&column.name, out);
    }
}

/// ROW, or NBCROW where there is a NULL and the client knows it ([MS-TDS] 2.2.7.19 and 2.2.7.16).
///
/// # Errors
/// In words, when the row does not fit its columns. Nothing is written then.
pub(crate) fn put_row(columns: &[Column], row: &[Value], null_bitmap: bool, out: &mut BytesMut) -> Result<(), String> {
    if row.len() != columns.len() {
        return Err(format!("a row of {} values for {} columns", row.len(), columns.len()));
    }
    let start = out.len();
    let bitmap = null_bitmap && row.contains(&Value::Null);
    out.put_u8(if bitmap { NBC_ROW } else { ROW });
    if bitmap {
        for eight in row.chunks(8) {
            out.put_u8(
                eight.iter().enumerate().fold(0, |bits, (at, value)| bits | u8::from(*value == Value::Null) << at),
            );
        }
    }
    for (column, value) in columns.iter().zip(row) {
        if bitmap && *value == Value::Null && column.nullable {
            continue;
        }
        if let Err(misfit) = put_value(column, value, out) {
            out.truncate(start);
            return Err(misfit);
        }
    }
    Ok(())
}

/// Puts the length of what follows before it, in two bytes.
fn put_sized(out: &mut BytesMut, content: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u16_le(0);
    content(out);
    let length = (out.len() - start - 2) as u16;
    out[start..start + 2].copy_from_slice(&length.to_le_bytes());
}

/// A text with its length in characters in one byte.
fn put_short_text(text: &str, out: &mut BytesMut) {
    let (characters, bytes) = utf16(text, usize::from(u8::MAX));
    out.put_u8(characters as u8);
    out.put_slice(&bytes);
}

/// A text as UTF-16, cut to so many characters.
fn utf16(text: &str, most: usize) -> (usize, Vec<u8>) {
    let bytes: Vec<u8> = text.encode_utf16().take(most).flat_map(u16::to_le_bytes).collect();
    (bytes.len() / 2, bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::Type;

    #[test]
    fn nulls_stand_in_a_bitmap_only_for_clients_that_know_it() {
        let columns: Vec<Column> =
            (0..9).map(|n| Column { name: n.to_string(), ty: Type::TinyInt, nullable: true }).collect();
        let mut row = vec![Value::Int(7); 9];
        row[1] = Value::Null;
        row[8] = Value::Null;
        let mut out = BytesMut::new();
        put_row(&columns, &row, true, &mut out).unwrap();
        assert_eq!(out[..3], [NBC_ROW, 0b10, 0b1]);
        assert_eq!(out.len(), 3 + 7 * 2);
        out.clear();
        put_row(&columns, &row, false, &mut out).unwrap();
        assert_eq!(out[..4], [ROW, 1, 7, 0]);
    }

    #[test]
    fn a_row_that_does_not_fit_leaves_nothing_behind() {
        let columns = [Column { name: "n".into(), ty: Type::Int, nullable: false }];
        let mut out = BytesMut::new();
        assert!(put_row(&columns, &[Value::Null], true, &mut out).is_err());
        assert!(put_row(&columns, &[], true, &mut out).is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn an_error_states_its_own_length() {
        let mut out = BytesMut::new();
        put_error(&ServerError::new(229, 14, "x".repeat(70_000)), "SQL01", &mut out);
        assert_eq!(out[0], ERROR);
        assert_eq!(usize::from(u16::from_le_bytes([out[1], out[2]])), out.len() - 3);
    }
}
