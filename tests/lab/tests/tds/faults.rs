//! What a client has to live through.

use crate::client::{PRELOGIN, Running, batch, by_hand, config, connect, packet, payload, plain, start, within};
use msx_lab::tds::{Encryption, Fault};
use std::time::Duration;
use tiberius::EncryptionLevel;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_cut_a_close_a_reset_and_garbage_are_errors_and_no_hang() {
    let server = start(Encryption::LoginOnly).await;
    for level in [EncryptionLevel::NotSupported, EncryptionLevel::Required] {
        for sql in ["cut 0", "cut 3", "cut 8", "cut 700", "close", "reset", "garbage"] {
            let mut client = connect(config(&server, level)).await.unwrap();
            let outcome = within(async { client.simple_query(sql).await?.into_results().await }).await;
            assert!(outcome.is_err(), "{sql}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_reset_is_a_rst_a_close_is_a_fin_and_a_cut_leaves_its_bytes() {
    let server = start(Encryption::None).await;
    for (sql, bytes) in [("reset", None), ("close", Some(0)), ("cut 0", Some(0)), ("cut 13", Some(13))] {
        let (mut tcp, _) = by_hand(&server, TDS_7_4).await;
        tcp.write_all(&batch(sql)).await.unwrap();
        let mut answer = Vec::new();
        match (within(tcp.read_to_end(&mut answer)).await, bytes) {
            (Ok(read), Some(bytes)) => assert_eq!(read, bytes, "{sql}"),
            (Err(error), None) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
            (outcome, _) => panic!("{sql}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn transactions_and_resets_have_their_answers() {
    let server = start(Encryption::None).await;
    let (mut tcp, _) = by_hand(&server, TDS_7_4).await;
    let headers = [22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    let transaction = |kind: u8| packet(0x0E, &[&headers[..], &[kind, 0, 0, 0]].concat());
    let mut reset = batch("set x");
    reset[1] |= 0x08;
    for (request, begins) in [
        // ENVCHANGE 8 with a descriptor, 9 and 10 with the old one, ERROR, ENVCHANGE 18.
        (transaction(5), &[0xE3, 11, 0, 8, 8][..]),
        (transaction(7), &[0xE3, 11, 0, 9, 0, 8]),
        (transaction(8), &[0xE3, 11, 0, 10, 0, 8]),
        (transaction(9), &[0xAA]),
        (reset, &[0xE3, 3, 0, 18, 0, 0, 0xFD]),
    ] {
        tcp.write_all(&request).await.unwrap();
        let answer = payload(&mut tcp).await;
        assert!(answer.starts_with(begins), "{request:x?}: {answer:x?}");
    }
}

async fn send(server: &Running, bytes: &[u8]) -> TcpStream {
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    // A server that closes at once may be gone before it is spoken to.
    let _ = tcp.write_all(bytes).await;
    tcp
}

/// What the server says to these bytes before it ends the connection.
async fn said(server: &Running, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    let mut tcp = send(server, bytes).await;
    // A RST ends it as well as a FIN.
    let _ = within(tcp.read_to_end(&mut answer)).await;
    answer
}

/// Whether the server leaves the connection open.
async fn holds(server: &Running, bytes: &[u8]) -> bool {
    let mut tcp = send(server, bytes).await;
    tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut Vec::new())).await.is_err()
}

/// How long is long enough to believe that nothing comes.
const PATIENCE: Duration = Duration::from_millis(300);
const TDS_7_4: u32 = 0x7400_0004;
const CLIENT_HELLO: [u8; 10] = [0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3];

#[tokio::test]
async fn each_fault_does_what_its_name_says() {
    let server = start(Encryption::None).await;
    let http = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    assert!(holds(&server, &PRELOGIN).await, "a healthy server waits for the login");
    for (fault, expected) in [
        (Fault::CloseAtOnce, Some(vec![])),
        (Fault::Silent, None),
        (Fault::Answer(http.clone()), Some(http)),
        (Fault::StopAfterPrelogin, None),
        (Fault::StopInLogin, None),
    ] {
        server.control.change(|options| options.fault = Some(fault.clone()));
        match expected {
            Some(answer) => assert_eq!(said(&server, &PRELOGIN).await, answer, "{fault:?}"),
            None => assert!(holds(&server, &PRELOGIN).await, "{fault:?}"),
        }
        let mut config = config(&server, EncryptionLevel::NotSupported);
        config.handshake_timeout(Some(PATIENCE));
        assert!(connect(config).await.is_err(), "{fault:?}");
    }
    server.control.change(|options| options.fault = None);
    plain(&server).await;
}

#[tokio::test]
async fn what_is_no_tds_is_closed_and_the_server_lives_on() {
    let server = start(Encryption::LoginOnly).await;
    for bytes in [&CLIENT_HELLO[..], b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", &[0x10, 1, 0, 8, 0, 0, 0, 0], &[0; 64]] {
        assert!(said(&server, bytes).await.is_empty(), "{bytes:?}");
    }
    plain(&server).await;
    server.control.change(|options| options.encryption = Encryption::Strict);
    assert!(said(&server, &PRELOGIN).await.is_empty(), "strict knows no PRELOGIN in clear text");
}

#[tokio::test]
async fn a_version_before_7_2_is_refused_in_its_own_form() {
    let server = start(Encryption::None).await;
    let (mut tcp, answer) = by_hand(&server, 0x7100_0001).await;
    // ERROR with its own length, then DONE with a row count of four bytes, and nothing behind it.
    assert_eq!(answer[0], 0xAA);
    let done = 3 + usize::from(u16::from_le_bytes([answer[1], answer[2]]));
    assert_eq!(answer[done..], [0xFD, 2, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(within(tcp.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_version_without_null_bitmaps_gets_none() {
    let server = start(Encryption::None).await;
    for (version, bitmap) in [(0x7209_0002, false), (0x730A_0003, false), (0x730B_0003, true), (TDS_7_4, true)] {
        let (mut tcp, said) = by_hand(&server, version).await;
        assert!(said.windows(5).any(|five| five == [&[1][..], &version.to_be_bytes()].concat()), "LOGINACK");
        tcp.write_all(&batch("nulls")).await.unwrap();
        let answer = payload(&mut tcp).await;
        // One nullable int named n: COLMETADATA is 14 bytes long.
        let row = if bitmap { [0xD2, 1, 0xFD] } else { [0xD1, 0, 0xFD] };
        assert_eq!(answer[14..17], row, "{version:x}: {answer:x?}");
    }
}
