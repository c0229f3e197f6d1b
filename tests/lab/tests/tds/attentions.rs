//! Answers that the client gives up.
//!
//! A real server ends the answer with an error and acknowledges in a message of its own (a capture stands in
//! dotnet/SqlClient, pull request 2714). `cancel_query` of tiberius 0.13 reads no further than the first of the two, so
//! that it fails here as it does there; the connection is then of no more use. python-tds and tedious, which read both,
//! are asked in `tests/clients`.

use crate::client::{batch, by_hand, packet, payload, plain, start, within};
use msx_lab::tds::Encryption;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const TDS_7_4: u32 = 0x7400_0004;
const ACKNOWLEDGED: [u8; 13] = [0xFD, 0x20, 0, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const GIVEN_UP: [u8; 13] = [0xFD, 0x02, 0, 0xC1, 0, 0, 0, 0, 0, 0, 0, 0, 0];

async fn send_attention(tcp: &mut TcpStream) {
    tcp.write_all(&packet(0x06, &[])).await.unwrap();
}

/// Reads to the end of both messages, then asks for something else.
async fn read_acknowledgement(tcp: &mut TcpStream) {
    while !payload(tcp).await.ends_with(&GIVEN_UP) {}
    assert_eq!(payload(tcp).await, ACKNOWLEDGED);
    tcp.write_all(&batch("nulls")).await.unwrap();
    assert_eq!(payload(tcp).await[0], 0x81);
}

#[tokio::test]
async fn a_wait_and_a_drip_are_given_up_and_the_connection_lives_on() {
    let server = start(Encryption::None).await;
    let (mut tcp, _) = by_hand(&server, TDS_7_4).await;
    tcp.write_all(&batch("wait")).await.unwrap();
    // The rows before the wait are there, although the answer is not complete.
    assert_eq!(payload(&mut tcp).await[0], 0x81);
    send_attention(&mut tcp).await;
    read_acknowledgement(&mut tcp).await;
    for sql in ["wait", "drip", "rows 100000"] {
        tcp.write_all(&batch(sql)).await.unwrap();
        tcp.readable().await.unwrap();
        send_attention(&mut tcp).await;
        read_acknowledgement(&mut tcp).await;
    }
}

#[tokio::test]
async fn an_attention_that_comes_too_late_is_acknowledged_alone() {
    let server = start(Encryption::None).await;
    let (mut tcp, _) = by_hand(&server, TDS_7_4).await;
    send_attention(&mut tcp).await;
    assert_eq!(payload(&mut tcp).await, ACKNOWLEDGED);
}

#[tokio::test]
async fn a_request_that_is_taken_back_while_it_is_sent_is_answered_with_an_error() {
    let server = start(Encryption::None).await;
    let (mut tcp, _) = by_hand(&server, TDS_7_4).await;
    let mut taken_back = batch("rows 1");
    taken_back[1] = 0x03;
    tcp.write_all(&taken_back).await.unwrap();
    assert_eq!(payload(&mut tcp).await[..3], [0xFD, 0x02, 0]);
}

#[tokio::test]
async fn the_server_is_free_again_when_a_client_gives_up_by_leaving() {
    let server = start(Encryption::None).await;
    let mut client = plain(&server).await;
    let waiting = tokio::time::timeout(Duration::from_millis(50), client.simple_query("drip")).await;
    assert!(waiting.map(drop).is_err());
    assert!(within(client.cancel_query()).await.is_err(), "tiberius has learned to read both messages");
    drop(client);
    crate::client::until(|| server.control.connections().open == 0).await;
}
